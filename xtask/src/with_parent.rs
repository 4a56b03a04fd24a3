//! Tasks that others start end with them.

use std::io;
use std::process;
use std::thread;

use crate::arguments::Arguments;
use crate::task::Flag;

/// For tasks that a benchmark starts: it holds a pipe to their standard input for as long as it runs.
pub(crate) const FLAG: Flag =
    Flag { name: "--with-parent", value: "", help: "end when standard input ends, as a benchmark wants it" };

/// Ends this process when standard input ends, if the flag is given.
pub(crate) fn obey(arguments: &Arguments) {
    if arguments.has(FLAG.name) {
        thread::spawn(|| {
            let _ = io::copy(&mut io::stdin(), &mut io::sink());
            process::exit(3);
        });
    }
}
