//! A program that has no network: it ends at the first socket that it asks for.

use std::collections::BTreeMap;
use std::io;
use std::process::{Command, Output};
use std::thread;

use libc::{SIGSYS, SYS_connect, SYS_socket};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};

/// How a program ends that has asked for a socket.
pub const ENDED_BY: i32 = SIGSYS;

/// Runs the program to its end. The kernel ends it (`SIGSYS`), and with it the test that expects an exit code, when it
/// calls `socket` or `connect`, whoever is asked for: names, other programs and this machine are nothing else.
///
/// # Errors
/// What keeps it from being run, or the kernel from holding it to that.
pub fn run_without_network(mut command: Command) -> io::Result<Output> {
    // A filter is its thread's, and that of what the thread starts.
    let run = thread::spawn(move || {
        let rules = BTreeMap::from([SYS_socket, SYS_connect].map(|number| (number, Vec::new())));
        let machine = std::env::consts::ARCH.try_into().map_err(io::Error::other)?;
        let filter = SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::KillProcess, machine);
        let program: BpfProgram = filter.and_then(TryInto::try_into).map_err(io::Error::other)?;
        seccompiler::apply_filter(&program).map_err(io::Error::other)?;
        command.output()
    });
    run.join().map_err(|_| io::Error::other("the thread has panicked"))?
}
