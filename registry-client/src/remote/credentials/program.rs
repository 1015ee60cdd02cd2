//! Credential helpers: the programs `docker-credential-NAME` that a configuration names, asked for one login, and told to
//! keep or to forget one.
//!
//! Which program that is, the file says; it is the user's own, as their shell's start-up file is. What counts
//! is how it ends and what it answers: one that knows its answer need not read the question. It is given no
//! more time and room than an answer takes, and whoever stops asking ends it.
//! Source: the protocol of docker-credential-helpers, and its Go client for what is "not found".

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use aisoc_manifests::cancellation::Cancelled;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_programs::{Answer, Failure, Program, Question};
use serde_json::{Map, Value, json};

use super::credential::Credential;
use crate::options::Secret;
use crate::worker::Worker;

/// Longest wait for a credential helper; some unlock a key ring and ask a person. Shorter than an
/// exchange may take, so that the helper is named and not the registry.
const PATIENCE: Duration = Duration::from_secs(45);
/// Longest answer of a helper; tokens of clouds have a few thousand bytes.
const MAX_ANSWER_BYTES: usize = 64 << 10;

/// What a helper says, with an exit code that is not 0, when it has nothing for a server.
const NOT_FOUND: &str = "credentials not found";

/// The program behind the name of a helper.
pub(super) fn name(helper: &str) -> String {
    format!("docker-credential-{helper}")
}

/// What the helper of that name has for one of those servers, the first of them that it knows.
///
/// # Errors
/// `registry_denied` when it cannot be run, fails, or answers with anything but a login. What it prints may
/// be a secret and is not shown.
pub(super) async fn ask(name: &str, servers: impl IntoIterator<Item = String>) -> Result<Option<Credential>> {
    // For all its questions together.
    let deadline = Instant::now() + PATIENCE;
    for server in servers {
        let answered = ask_in_background(helper(name, "get")?, server, deadline).await;
        let credential = answered.and_then(|answer| credential(&answer)).map_err(|fault| named(name, &fault))?;
        if credential.is_some() {
            return Ok(credential);
        }
    }
    Ok(None)
}

/// Has the helper keep a login for that server, in the place of one that it has.
///
/// # Errors
/// `registry_denied` when it cannot be run or fails.
pub(super) async fn keep(name: &str, server: &str, username: &str, password: &Secret) -> Result<()> {
    let login = json!({ "ServerURL": server, "Username": username, "Secret": password.reveal() });
    tell(name, "store", login.to_string()).await
}

/// Has the helper forget its login for that server. Says whether it had one.
///
/// # Errors
/// As [`ask`].
pub(super) async fn forget(name: &str, server: &str) -> Result<bool> {
    // Helpers do not agree on what to answer that have nothing to forget.
    if ask(name, [server.to_owned()]).await?.is_none() {
        return Ok(false);
    }
    tell(name, "erase", server.to_owned()).await.map(|()| true)
}

async fn tell(name: &str, what: &str, input: String) -> Result<()> {
    let answered = ask_in_background(helper(name, what)?, input, Instant::now() + PATIENCE).await;
    let done = answered.and_then(|answer| if answer.status.success() { Ok(()) } else { Err(failed(&answer.end())) });
    done.map_err(|fault| named(name, &fault))
}

fn helper(name: &str, what: &str) -> Result<Program> {
    // A path in this place would be that of a program which nobody installed as a helper.
    if name.contains(['/', '\0']) {
        return Err(Fault::new(Reason::RegistryDenied, "the name of its credential helper is not a program's"));
    }
    Ok(Program { name: self::name(name).into(), arguments: vec![what.into()] })
}

fn named(name: &str, fault: &Fault) -> Fault {
    let program = self::name(name);
    let first = match fault.reason() {
        Reason::IoNotFound => format!("install `{program}`"),
        _ => format!("see what `{program} list` says"),
    };
    Fault::new(Reason::RegistryDenied, format!("the credential helper `{program}` {}", fault.message()))
        .hint(format!("{first}, or set AISOC_REGISTRY_HOST, AISOC_REGISTRY_USERNAME and AISOC_REGISTRY_PASSWORD"))
}

/// On a thread of its own, because a program is waited for. When this future is dropped, the helper ends
/// before the drop does.
async fn ask_in_background(helper: Program, input: String, deadline: Instant) -> Result<Answer> {
    let stop = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&stop);
    let worker = Worker::begin(move || run(&helper, &input, deadline, &seen));
    let worker = worker.map_err(|error| failed(&format!("cannot be waited for: {error}")))?;
    let answer = pin!(worker.result());
    // Dropped first: dropping a worker waits for its thread, which looks for this.
    let _stop = StopOnDrop(stop);
    answer.await
}

struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Asks, and waits for the end of the program. What it complains of is not heard: some print there what they would
/// store.
fn run(helper: &Program, input: &str, deadline: Instant, stop: &AtomicBool) -> Result<Answer> {
    let question =
        Question { input: input.as_bytes(), deadline, stop, answer_bytes: MAX_ANSWER_BYTES, complaint_bytes: 0 };
    aisoc_programs::ask(helper, &question).map_err(|failure| match failure {
        Failure::Stopped => Cancelled.into(),
        Failure::NotFound => Fault::new(Reason::IoNotFound, failure.to_string()),
        failure => failed(&failure.to_string()),
    })
}

fn credential(answer: &Answer) -> Result<Option<Credential>> {
    if !answer.status.success() {
        return if is_not_found(answer) { Ok(None) } else { Err(failed(&answer.end())) };
    }
    let no_login = || failed("answers with something that is no login");
    let login: Map<String, Value> = serde_json::from_slice(&answer.printed).map_err(|_| no_login())?;
    // In any case of letters, as Go reads them, in which the other side of the protocol is written.
    let member = |wanted: &str| match login.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)) {
        None | Some((_, Value::Null)) => Ok(""),
        Some((_, Value::String(text))) => Ok(text.as_str()),
        Some(_) => Err(no_login()),
    };
    let login = Credential::of_login(member("Username")?, member("Secret")?);
    login.map_err(|fault| failed(&format!("answers with a login that cannot be used: {}", fault.message())))
}

/// Not every "not found": a helper whose own helper is missing says so in these words too.
fn is_not_found(answer: &Answer) -> bool {
    String::from_utf8_lossy(&answer.printed).to_ascii_lowercase().contains(NOT_FOUND)
}

fn failed(how: &str) -> Fault {
    Fault::new(Reason::RegistryDenied, how)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// A helper that is written where it stands.
    fn script(text: &str) -> Program {
        Program { name: "sh".into(), arguments: ["-c", text, "helper", "get"].map(Into::into).to_vec() }
    }

    async fn asked(text: &str, patience: Duration) -> Result<Answer> {
        ask_in_background(script(text), "registry.example".to_owned(), Instant::now() + patience).await
    }

    async fn answer(text: &str) -> Result<Option<Credential>> {
        credential(&asked(text, Duration::from_secs(20)).await?)
    }

    fn login_of(credential: Option<Credential>) -> (String, String) {
        let Some(Credential::Login { username, password }) = credential else { panic!("{credential:?}") };
        (username, password.reveal().to_owned())
    }

    #[tokio::test]
    async fn a_helper_that_does_not_read_the_question_answers_every_time() {
        for _ in 0..200 {
            let found = answer(r#"echo '{"ServerURL":"","Username":"u","Secret":"p"}'"#).await.expect("an answer");
            assert_eq!(login_of(found), ("u".to_owned(), "p".to_owned()));
        }
    }

    #[tokio::test]
    async fn a_helper_is_told_the_server_and_nothing_else() {
        let text = r#"test "$1" = get && printf '{"Username":"%s","Secret":"p:\\n"}' "$(od -c | tr -s ' ' | head -1)""#;
        let (username, password) = login_of(answer(text).await.expect("an answer"));
        assert_eq!(username, "0000000 r e g i s t r y . e x a m p l e");
        assert_eq!(password, "p:", "the line break is of the tool that printed it");
    }

    #[tokio::test]
    async fn the_answers_that_are_no_login_and_no_trouble() {
        for text in [
            "echo 'credentials not found in native keychain'; exit 1",
            "printf 'Error: Credentials not found in native keychain\n'; exit 2",
            r#"echo '{"ServerURL":"","Username":"","Secret":""}'"#,
            "echo '{}'",
        ] {
            assert!(answer(text).await.expect(text).is_none(), "{text}");
        }
        let token = answer(r#"echo '{"username":"<token>","secret":"t"}'"#).await.expect("an answer");
        assert!(matches!(token, Some(Credential::IdentityToken(_))));
    }

    #[tokio::test]
    async fn a_helper_that_fails_is_told_from_one_that_has_nothing_and_is_not_quoted() {
        for (text, expected) in [
            ("echo hunter2; echo hunter2 >&2; exit 1", "failed with exit code 1"),
            ("echo 'exec: \"pass\": executable file not found in $PATH'; exit 1", "failed with exit code 1"),
            ("exit 127", "failed with exit code 127"),
            ("kill -9 $$", "was ended by signal 9"),
            ("true", "answers with something that is no login"),
            ("echo hunter2", "answers with something that is no login"),
            (r#"echo '["u","hunter2"]'"#, "answers with something that is no login"),
            (r#"echo '{"Username":7,"Secret":"hunter2"}'"#, "answers with something that is no login"),
            (r#"echo '{"Username":"u","Secret":"hunter2\u0007"}'"#, "answers with a login that cannot be used"),
            ("echo hunter2; cat /dev/zero", "prints more than 65536 bytes"),
            ("exec >&-; exit 3", "failed with exit code 3"),
        ] {
            let fault = answer(text).await.err().unwrap_or_else(|| panic!("{text} gave something"));
            assert_eq!(fault.reason(), Reason::RegistryDenied, "{text}");
            assert!(fault.message().contains(expected), "{text}: {fault}");
            assert!(!format!("{fault:?}").contains("hunter2"), "{fault:?}");
        }
    }

    #[tokio::test]
    async fn what_a_helper_leaves_behind_is_not_waited_for() {
        let began = Instant::now();
        let found = answer(r#"sleep 30 & echo '{"Username":"u","Secret":"p"}'"#).await.expect("an answer");
        assert_eq!(login_of(found).1, "p");
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    }

    #[tokio::test]
    async fn a_helper_is_found_on_the_path_by_its_name_or_named() {
        for (name, expected) in [
            ("is-not-installed-anywhere", "`docker-credential-is-not-installed-anywhere` is not on the PATH"),
            ("../../bin/sh", "is not a program's"),
        ] {
            let fault =
                ask(name, ["registry.example", "https://registry.example"].map(str::to_owned)).await.expect_err(name);
            assert!(fault.message().contains(expected), "{fault}");
        }
    }

    /// A script that writes its number and that of a child of its own, and hangs.
    fn hanging(note: &Path) -> String {
        format!("sleep 60 & echo $$ $! > '{0}.new'; mv '{0}.new' '{0}'; wait", note.display())
    }

    async fn numbers(note: &Path) -> Vec<String> {
        for _ in 0..2000 {
            if let Ok(text) = std::fs::read_to_string(note) {
                return text.split_whitespace().map(str::to_owned).collect();
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("the helper never began");
    }

    /// Whether a process runs: what was ended and is not yet waited for is gone.
    fn is_running(number: &str) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{number}/stat")).unwrap_or_default();
        stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
    }

    async fn assert_gone(numbers: &[String]) {
        for _ in 0..400 {
            if !numbers.iter().any(|number| is_running(number)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("{numbers:?} still run");
    }

    #[tokio::test]
    async fn a_helper_that_hangs_is_named() {
        let began = Instant::now();
        for text in ["sleep 60", "exec >&-; sleep 60", "trap '' TERM; echo '{'; sleep 60"] {
            let fault = asked(text, Duration::from_millis(300)).await.err().expect(text);
            assert_eq!(fault.message(), "does not answer", "{text}");
        }
        assert!(began.elapsed() < PATIENCE / 2, "{:?}", began.elapsed());
    }

    #[tokio::test]
    async fn whoever_stops_asking_ends_the_helper_and_what_it_started() {
        let place = tempfile::tempdir().expect("directory");
        let note = place.path().join("note");
        let script = hanging(&note);
        let began = Instant::now();
        tokio::select! {
            _ = asked(&script, PATIENCE) => panic!("it hangs"),
            found = numbers(&note) => assert_eq!(found.len(), 2),
        }
        assert!(began.elapsed() < PATIENCE / 2, "{:?}", began.elapsed());
        assert_gone(&numbers(&note).await).await;
    }
}
