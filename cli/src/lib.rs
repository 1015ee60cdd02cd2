#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

#[cfg(not(any(feature = "tls-aws-lc", feature = "tls-pure")))]
compile_error!("choose what TLS is made of: the feature `tls-aws-lc`, which is the default, or `tls-pure`");

mod allowed_secrets;
mod args;
mod chosen_lock;
mod client;
mod clock;
mod commands;
mod config_directory;
mod context;
mod dispatching;
mod environment;
mod exposure;
mod held_plugin;
mod keyless;
mod loading;
mod notices;
mod output;
mod passphrase;
mod private_key;
mod proofs;
mod runtime;
mod scaffold;
mod secret_file;
mod signer;
mod timestamp_root;
mod timestamps;
mod usage;
mod variables;
mod waiting;
mod wanted;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aisoc_manifests::fault::{Fault, Reason, Result};
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

use crate::environment::Environment;
use crate::output::Reports;

/// The aisoc command: parses the arguments of this process, runs what they name, prints the answer or the
/// refusal, and gives the exit code.
///
/// For the program that ends with it: signals, panics and the memory of the process are arranged for the
/// command, and stay so.
#[must_use = "it is the exit code of the process"]
pub fn execute() -> ExitCode {
    if let Some(ended) = held_plugin::attended(&Environment::of_process()) {
        return ended;
    }
    if IS_EXECUTED.swap(true, Ordering::SeqCst) {
        // What is compiled in would otherwise give a command to itself, without what restricts it.
        Reports::default()
            .error(&Fault::new(Reason::Internal, "a process is aisoc once, and a plugin wanted it twice"));
        return ExitCode::from(Reason::Internal.class().exit_code());
    }
    let reports = Reports::default();
    report_panics_as_bugs(reports.clone());
    ExitCode::from(match run(&reports) {
        Ok(code) => {
            reports.end();
            code
        }
        Err(fault) => {
            reports.error(&fault);
            fault.class().exit_code()
        }
    })
}

/// Whether this process has begun a command.
static IS_EXECUTED: AtomicBool = AtomicBool::new(false);

/// Gives the exit code of an answer, or what is to be reported: what is compiled in begins, the command is given, and what
/// is compiled in ends.
fn run(reports: &Reports) -> Result<u8> {
    let private = keep_memory_private();
    let environment = Environment::of_process();
    // Until the command line is understood, `--json` is looked for by hand.
    reports.set_json(usage::json_is_asked_for(&environment));
    if let Some(workspace) = environment.github_workspace() {
        reports.annotate(workspace);
    }
    private?;
    usage::refuse_key_material(&environment)?;
    let program = Arc::new(dispatching::begin(&environment, reports)?);
    let ended = dispatching::give(&program, environment, reports);
    let result = dispatching::end(&program, ended, reports);
    // The process ends. What is a plugin's is not dropped, which may never come to an end.
    std::mem::forget(program);
    result
}

/// A signing key and passwords pass through this process: it leaves no core dump, and no other process of
/// the same user reads its memory or its environment.
fn keep_memory_private() -> Result<()> {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    setrlimit(Resource::Core, none).and_then(|()| set_dumpable_behavior(DumpableBehavior::NotDumpable)).map_err(
        |error| {
            Fault::new(Reason::IoError, "the system does not let this process keep its memory private").caused_by(error)
        },
    )
}

/// A panic is a bug, and its exit code says so: it must never look like a verdict, and never like success.
/// In whatever thread it happens, the process ends: what another thread would answer after it is in doubt.
///
/// Code of a plugin that is compiled in is another matter: it is caught, and the plugin is what is told of.
fn report_panics_as_bugs(reports: Reports) {
    std::panic::set_hook(Box::new(move |info| {
        if aisoc_dispatch::is_within_plugin() {
            return;
        }
        let fault = Fault::new(Reason::Internal, "aisoc has a bug").caused_by(info.to_string());
        reports.bug(&fault);
        #[expect(clippy::exit, reason = "a panic that unwinds ends one thread, and could be caught")]
        std::process::exit(fault.class().exit_code().into());
    }));
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::{Command, Output};

    use aisoc_manifests::warning::Warning;

    use super::*;

    /// Says to this test's own program, started again, where it is to panic.
    const VARIABLE: &str = "AISOC_TEST_PANIC_IN";
    const SIGKILL: i32 = 9;

    #[test]
    fn a_panic_in_any_thread_ends_the_process_as_a_bug() {
        match std::env::var(VARIABLE).as_deref() {
            Ok("main") => {
                report_panics_as_bugs(Reports::default());
                panic!("on purpose");
            }
            Ok("json") => {
                let reports = Reports::default();
                report_panics_as_bugs(reports.clone());
                reports.set_json(true);
                reports.warning(Warning::KeyNotUsed, "was said before", None);
                panic!("on purpose");
            }
            Ok(_) => {
                report_panics_as_bugs(Reports::default());
                let caught = std::thread::spawn(|| panic!("on purpose")).join();
                assert!(caught.is_err(), "the thread went on");
                return;
            }
            Err(_) => {}
        }
        for place in ["main", "thread", "json"] {
            let own = std::env::current_exe().expect("this test");
            let name = "tests::a_panic_in_any_thread_ends_the_process_as_a_bug";
            let mut command = Command::new(own);
            command.args(["--exact", name, "--nocapture"]).env(VARIABLE, place);
            // A plugin that another test of this program loads ends with all that this program has started.
            let is_ended_with_it = |output: &Output| output.status.signal() == Some(SIGKILL);
            let mut tries = (0..100).map(|_| command.output().expect("it runs"));
            let output = tries.find(|output| !is_ended_with_it(output)).expect("it ends by itself");
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(5), "{place}: {said}");
            if place == "json" {
                let report: serde_json::Value = serde_json::from_str(&said).expect("one document");
                assert_eq!(report["warnings"][0]["message"], "was said before");
                assert_eq!(report["error"]["detail"]["reason_code"], "internal");
                continue;
            }
            assert!(said.contains("error[internal]: aisoc has a bug"), "{place}: {said}");
            assert!(said.contains("on purpose") && said.contains("hint: "), "{place}: {said}");
        }
    }
}
