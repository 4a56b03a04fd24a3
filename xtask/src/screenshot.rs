//! `cargo xtask screenshot`: the picture of the relay's status page that the README shows.

use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use logstash_transport::testing::{Receiver, Step};
use logstash_transport::{Batch, BeatsTransport, Transport};

use crate::arguments::Arguments;
use crate::failure::{Failure, Trying, fail};
use crate::peers::Chromium;
use crate::process;
use crate::relay::{Program, Relay};
use crate::task::Task;
use crate::workspace::Workspace;

pub(crate) const TASK: Task = Task {
    name: "screenshot",
    summary: "Takes the picture of the relay's status page",
    operands: "",
    flags: &[],
    help: "\
Runs a relay for five minutes, as long as its plots reach back: with three inputs, of which each gets events, and with
three outputs, of which one is away for a while and another one all the time. What Chromium shows of its page then goes
to .github/relay-status.png, made smaller by optipng.",
    run,
};

fn run(_: &Arguments) -> Result<(), Failure> {
    let workspace = Workspace::load()?;
    let browser = Chromium::prepare().map_err(|missing| Failure::Failed(missing.to_string()))?;
    let program = Program::debug(&workspace)?;
    let scratch = workspace.scratch("screenshot")?;
    let logstash = Receiver::start().trying("our receiver cannot listen")?;
    let config = CONFIG.replace("LOGSTASH", &logstash.address().to_string());
    let relay = program.start(scratch.path(), &config, &["beats", "containers", "firewalls"])?;
    let inputs = [relay.address("firewalls")?, relay.address("containers")?, relay.address("beats")?];
    let is_over = AtomicBool::new(false);
    let picture = thread::scope(|scope| {
        let feeding = scope.spawn(|| feed(inputs, &logstash, &is_over));
        thread::sleep(LENGTH);
        let picture = picture_of(&relay, &browser, &scratch.path().join("profile"));
        is_over.store(true, Ordering::Relaxed);
        feeding.join().map_err(|_| Failure::Failed("what feeds the relay panicked".to_owned()))??;
        picture
    })?;
    let file = workspace.root.join(FILE);
    fs::write(&file, &picture).trying(format_args!("cannot write {}", file.display()))?;
    process::run(Command::new("optipng").args(["-quiet", "-o5"]).arg(&file), PATIENCE)?;
    let size = fs::metadata(&file).trying(format_args!("cannot read {}", file.display()))?.len();
    if size > MOST_BYTES {
        fail!("{FILE} has {size} bytes, more than {MOST_BYTES}");
    }
    println!("{FILE}, {size} bytes");
    Ok(())
}

/// All of the page, at the width of a window of usual size.
fn picture_of(relay: &Relay, browser: &Chromium, profile: &Path) -> Result<Vec<u8>, Failure> {
    let Some(address) = relay.figures() else { fail!("the relay shows no figures") };
    let mut page = browser.open(profile)?;
    page.show(WIDTH, WIDTH, false)?;
    page.visit(&format!("http://{address}/"))?;
    page.wait_until("document.querySelectorAll('#outputs li.card').length === 3")?;
    let height = page.evaluate("document.documentElement.getBoundingClientRect().height")?;
    page.show(WIDTH, height.as_f64().unwrap_or_default() as u32, false)?;
    page.picture()
}

/// Sends what comes and goes like a tide, and takes Logstash away for a minute.
fn feed(inputs: [SocketAddr; 3], logstash: &Receiver, is_over: &AtomicBool) -> Result<(), Failure> {
    let syslog = UdpSocket::bind("127.0.0.1:0").trying("cannot bind")?;
    let [firewalls, containers, beats] = inputs;
    let mut containers = TcpStream::connect(containers).trying("cannot connect")?;
    let mut beats = BeatsTransport::new(&beats.to_string())
        .map_err(|error| Failure::because("the address of the relay is none", error))?;
    // Slow enough that it is seen how it catches up.
    logstash.script(vec![Step::Delay(Duration::from_millis(60)); 100_000]);
    let started = Instant::now();
    let (mut is_away, mut was_away) = (false, false);
    while !is_over.load(Ordering::Relaxed) {
        let seconds = started.elapsed().as_secs_f64();
        let tide = |period: f64| 1.0 + 0.6 * (seconds / period).sin() + 0.3 * fastrand::f64();
        for number in 0..(8.0 * tide(23.0)) as u32 {
            let line = format!("<134>Nov 21 06:14:{:02} gate kernel: accepted {number}", seconds as u32 % 60);
            syslog.send_to(line.as_bytes(), firewalls).trying("cannot send")?;
        }
        let document = format!("{{\"message\":\"request served\",\"ms\":{}}}\n", fastrand::u32(1..900));
        containers
            .write_all(document.repeat((30.0 * tide(41.0)) as usize).as_bytes())
            .trying("cannot send")?;
        let events =
            (0..(60.0 * tide(67.0)) as u32).map(|number| format!("{{\"message\":\"line {number}\"}}"));
        let sent = beats.send(&mut Batch::from_events(events));
        sent.map_err(|error| Failure::because("the relay takes no events of Beats", error))?;
        if !was_away && seconds > 110.0 {
            logstash.go_away();
            (is_away, was_away) = (true, true);
        }
        if is_away && seconds > 170.0 {
            logstash.come_back().trying("our receiver cannot come back")?;
            is_away = false;
        }
        thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

const CONFIG: &str = r#"
    metrics = "127.0.0.1:0"
    inputs.beats.listen = "beats://127.0.0.1:0"
    inputs.containers.listen = "json+tcp://127.0.0.1:0"
    inputs.firewalls.listen = "syslog+udp://127.0.0.1:0"
    outputs.archive.endpoint = "discard:"
    outputs.logstash = { endpoint = "beats://LOGSTASH", handler.retry = { base = "1 s", max = "2 s" } }
    outputs.audit.endpoint = "tcp://audit.invalid:5000"
    routes = [
        { outputs = ["archive", "logstash"] },
        { inputs = ["firewalls"], outputs = ["audit"] },
    ]
"#;

const FILE: &str = ".github/relay-status.png";

/// As far as the plots reach back, and some.
const LENGTH: Duration = Duration::from_secs(305);

const WIDTH: u32 = 1160;

const MOST_BYTES: u64 = 150_000;

/// What the picture may take to be made smaller.
const PATIENCE: Duration = Duration::from_secs(300);
