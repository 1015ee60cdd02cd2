//! aisoc that says of every command what it came to: a line for people, or one of JSON for whoever collects lines.
//!
//! `AUDIT_LOG` names the file that lines of JSON are appended to; without it a line goes to stderr. What was typed behind a
//! command is in neither: it may be a secret.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::{env, io};

use aisoc_platform::{Builder, BuiltPlugin, CommandDeniedError, Invocation, LifecycleEvent, Selector, When, register};
use jiff::Timestamp;
use serde_json::{Value, json};

fn main() -> ExitCode {
    register(Box::new(audit()));
    aisoc_cli::execute()
}

/// Closed: where the log cannot be written, nothing runs that it would have to tell of.
fn audit() -> BuiltPlugin {
    let log: Arc<Mutex<Option<File>>> = Arc::default();
    let opened = Arc::clone(&log);
    let audit = Builder::new("audit", env!("CARGO_PKG_VERSION")).fail_closed();
    let audit = audit.on(LifecycleEvent::Startup, "open", move |_, _| {
        let file =
            env::var_os("AUDIT_LOG").map(|path| OpenOptions::new().create(true).append(true).mode(0o600).open(path));
        *opened.lock().unwrap_or_else(PoisonError::into_inner) = file.transpose()?;
        Ok(())
    });
    let audit = audit.observer(When::After, "line", Selector::all(), move |_, invocation| {
        let written = match &mut *log.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(file) => append(file, &record(invocation)),
            None => writeln!(io::stderr(), "[audit] {} {}", invocation.cmd().path(), outcome(invocation)),
        };
        if let Err(error) = written {
            let _ = writeln!(io::stderr(), "[audit] the line about {} is lost: {error}", invocation.cmd().path());
        }
    });
    audit.must_build()
}

/// One write for one line: those of other processes do not come in between.
fn append(file: &mut File, record: &Value) -> io::Result<()> {
    file.write_all(format!("{record}\n").as_bytes())
}

fn outcome(invocation: &dyn Invocation) -> &'static str {
    match (invocation.denied_by_policy(), invocation.err()) {
        (true, _) => "denied",
        (false, Some(_)) => "failed",
        (false, None) => "ok",
    }
}

/// One command, as fields.
fn record(invocation: &dyn Invocation) -> Value {
    let (command, err) = (invocation.cmd(), invocation.err());
    let denied = err.as_ref().and_then(|err| err.downcast_ref::<CommandDeniedError>());
    let took = invocation.started().elapsed().unwrap_or_default();
    json!({
        "time": Timestamp::try_from(invocation.started()).map(|time| time.to_string()).unwrap_or_default(),
        "event": "command",
        "command": command.path(),
        "domain": command.domain(),
        "risk": command.risk().map(|risk| risk.to_string()),
        "outcome": outcome(invocation),
        "reason_code": denied.map(|denied| denied.reason_code.as_str()),
        "policy_source": denied.map(|denied| denied.policy_source.as_str()),
        "error": err.as_ref().map(ToString::to_string),
        "duration_ms": u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        "uid": rustix::process::getuid().as_raw(),
        "pid": std::process::id(),
    })
}
