//! Whether this process is still the one that something was started in.

#[cfg(unix)]
use std::ffi::c_void;
use std::io;
#[cfg(unix)]
use std::mem::{ManuallyDrop, MaybeUninit};
#[cfg(unix)]
use std::panic::{AssertUnwindSafe, catch_unwind};
#[cfg(unix)]
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// How many forks lie between this process and the one in which [`watch`] was called first.
///
/// Cheap, unlike the process id, which is a system call.
pub(crate) fn depth() -> u32 {
    DEPTH.load(Ordering::Relaxed)
}

/// Has forks counted from now on.
pub(crate) fn watch() -> io::Result<()> {
    static WATCHING: OnceLock<i32> = OnceLock::new();
    match *WATCHING.get_or_init(register) {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

#[cfg(unix)]
#[allow(unsafe_code, reason = "there is no other way to notice a fork without a system call per event")]
fn register() -> i32 {
    extern "C" fn forked() {
        DEPTH.fetch_add(1, Ordering::Relaxed);
    }
    // SAFETY: what runs in the child between the fork and its return is one atomic addition, which is safe
    // there whatever the other threads of the parent were doing; and a function is never gone.
    unsafe { libc::pthread_atfork(None, None, Some(forked)) }
}

#[cfg(not(unix))]
fn register() -> i32 {
    0
}

/// Starts a thread in a forked child; tells whether that worked.
///
/// Not with [`std::thread`]: each thread that it starts or ends takes a lock of the library, to be known to the
/// handler of stack overflows. If a thread of the parent had that lock at the moment of the fork, no thread that the
/// library starts in the child ever gets to run.
#[cfg(unix)]
#[allow(unsafe_code, reason = "the library has no way to start a thread without a lock")]
pub(crate) fn spawn(run: impl FnOnce() + Send + 'static) -> bool {
    type Run = Box<dyn FnOnce() + Send>;

    extern "C" fn start(run: *mut c_void) -> *mut c_void {
        // SAFETY: it is the pointer that `into_raw` gave, and nobody else has it.
        let run = unsafe { Box::from_raw(run.cast::<Run>()) };
        // Nothing may unwind into C, not even what a panic left behind.
        if let Err(panic) = catch_unwind(AssertUnwindSafe(run)) {
            let _ = ManuallyDrop::new(panic);
        }
        ptr::null_mut()
    }

    let run: *mut Run = Box::into_raw(Box::new(Box::new(run)));
    let (mut attributes, mut thread) = (MaybeUninit::uninit(), MaybeUninit::uninit());
    // SAFETY: the attributes are initialised before they are used and destroyed once, `start` gets what it expects,
    // once, and all that the calls write to is there meanwhile.
    let error = unsafe {
        libc::pthread_attr_init(attributes.as_mut_ptr());
        libc::pthread_attr_setstacksize(attributes.as_mut_ptr(), STACK);
        let error = libc::pthread_create(thread.as_mut_ptr(), attributes.as_ptr(), start, run.cast());
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        error
    };
    if error == 0 {
        // SAFETY: the call above has set it; nobody waits for the thread.
        unsafe { libc::pthread_detach(thread.assume_init()) };
    } else {
        // SAFETY: no thread was started, so that it is still ours.
        drop(unsafe { Box::from_raw(run) });
    }
    error == 0
}

/// Bytes, as many as the threads of the library have.
#[cfg(unix)]
const STACK: usize = 2 << 20;

/// Nothing forks here.
#[cfg(not(unix))]
pub(crate) fn spawn(_: impl FnOnce() + Send + 'static) -> bool {
    false
}

static DEPTH: AtomicU32 = AtomicU32::new(0);
