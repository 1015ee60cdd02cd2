//! With what tests start plugins: their own program is the shim.
#![allow(dead_code, reason = "each test uses some of it")]

use std::env;
use std::ffi::OsString;
use std::io::{self, IsTerminal as _};
use std::os::fd::AsFd as _;
use std::process;

use aisoc_worker::{KEPT_VARIABLES, Launcher, Python, Sandbox, ShimProgram, attend};
use rustix::fs::{FileType, fstat};

/// The shim of these tests is their program again, which runs this alone.
#[test]
fn is_the_shim_when_it_is_started_as_one() {
    let is_socket =
        fstat(io::stdin().as_fd()).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Socket);
    let order = env::args().next_back().filter(|order| order.starts_with('{'));
    if let Some(order) = order.filter(|_| is_socket && !io::stdin().is_terminal()) {
        let code = attend(&order);
        // `ExitCode` does not say what it is.
        let code = format!("{code:?}").chars().filter(char::is_ascii_digit).collect::<String>();
        #[expect(clippy::exit, reason = "it is the shim here, and no test")]
        process::exit(code.parse().unwrap_or(255));
    }
}

/// In one thread: nothing else may run where namespaces are made.
fn shim() -> ShimProgram {
    let name = "support::is_the_shim_when_it_is_started_as_one";
    let arguments = ["--exact", "--nocapture", "--test-threads=1", name].map(OsString::from).to_vec();
    ShimProgram { program: env::current_exe().expect("this program"), arguments }
}

pub(crate) fn python(program: &str) -> Python {
    let variables = KEPT_VARIABLES.iter().filter_map(|name| Some(((*name).into(), env::var_os(name)?)));
    Python { program: program.into(), variables: variables.collect() }
}

pub(crate) fn launcher(sandbox: Sandbox) -> Launcher {
    Launcher::new(python("python3"), shim(), sandbox)
}

pub(crate) fn launcher_of(program: &str) -> Launcher {
    Launcher::new(python(program), shim(), Sandbox::default())
}
