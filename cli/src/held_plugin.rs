//! What stands between a host and a plugin that it holds: this program, started again as the shim of `aisoc-worker`.
//!
//! It is no command: nobody types it, no help names it, and no argument of a command can become it. Two words and a
//! socket as standard input are what only a host gives.

use std::io;
use std::os::fd::AsFd as _;
use std::process::ExitCode;

use aisoc_worker::{ShimProgram, attend};
use rustix::fs::{FileType, fstat};

use crate::environment::Environment;

/// Stands before the order.
const WORD: &str = "attend-held-plugin";

/// This program as the shim: the one that runs, whatever stands under its name by now.
pub(crate) fn program() -> ShimProgram {
    ShimProgram { program: "/proc/self/exe".into(), arguments: vec![WORD.into()] }
}

/// Is the shim, where this process was started as one; nothing where it is a command.
pub(crate) fn attended(environment: &Environment) -> Option<ExitCode> {
    let [_, word, order] = environment.arguments() else { return None };
    let order = order.to_str().filter(|_| word == WORD && is_given_a_socket())?;
    Some(attend(order))
}

/// Whatever else stands there is no host's.
fn is_given_a_socket() -> bool {
    fstat(io::stdin().as_fd()).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Socket)
}
