//! SSH agents: OpenSSH's own where there is one, and one that does everything wrong, on demand.

use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::fault::{Fault, Reason};
use aisoc_signing::{
    Agent, AgentSigner, KeyHolder as _, NamedKey, PublicKey, SIGNER_PATIENCE, SigningKey, sign_message,
};

const MESSAGE: &[u8] = &[7; 32];
const SHORT: Duration = Duration::from_millis(300);

fn key() -> SigningKey {
    SigningKey::generate().expect("random numbers")
}

fn field(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).expect("short").to_be_bytes()[..], bytes].concat()
}

fn message(kind: u8, fields: &[Vec<u8>]) -> Vec<u8> {
    field(&[&[kind][..], &fields.concat()].concat())
}

fn blob(key: &PublicKey) -> Vec<u8> {
    [field(b"ssh-ed25519"), field(key.as_bytes())].concat()
}

fn identities(keys: &[(Vec<u8>, &str)]) -> Vec<u8> {
    let count = u32::try_from(keys.len()).expect("few").to_be_bytes().to_vec();
    let keys = keys.iter().flat_map(|(blob, comment)| [field(blob), field(comment.as_bytes())]);
    message(12, &std::iter::once(count).chain(keys).collect::<Vec<_>>())
}

fn signature_of(bytes: &[u8]) -> Vec<u8> {
    message(14, &[field(&[field(b"ssh-ed25519"), field(bytes)].concat())])
}

fn bytes_of(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal")).collect()
}

/// An agent that answers each connection as the function says, by the kind of what it is asked.
struct Fake {
    _place: tempfile::TempDir,
    socket: PathBuf,
}

impl Fake {
    fn new(answer: impl Fn(u8, &mut UnixStream) + Send + Sync + 'static) -> Self {
        let place = tempfile::tempdir().expect("a directory");
        let socket = place.path().join("agent");
        let (listener, answer) = (UnixListener::bind(&socket).expect("bound"), Arc::new(answer));
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let answer = Arc::clone(&answer);
                thread::spawn(move || {
                    let mut length = [0; 4];
                    stream.read_exact(&mut length).expect("a length");
                    let mut asked = vec![0; u32::from_be_bytes(length) as usize];
                    stream.read_exact(&mut asked).expect("a question");
                    answer(asked[0], &mut stream);
                });
            }
        });
        Self { _place: place, socket }
    }

    /// One that gives these two bytes for bytes.
    fn saying(listed: Vec<u8>, signed: Vec<u8>) -> Self {
        Self::new(move |kind, stream| {
            // Whoever has heard enough hangs up.
            let _ = stream.write_all(if kind == 11 { &listed } else { &signed });
        })
    }

    fn find(&self, name: NamedKey, patience: Duration) -> Result<AgentSigner, Fault> {
        let cancellation = Cancellation::default();
        AgentSigner::find(Agent { socket: self.socket.clone(), patience, cancellation }, name)
    }

    fn signs(&self, key: &PublicKey) -> Result<aisoc_signing::Signature, Fault> {
        let signer = self.find(NamedKey::Ours(key.fingerprint()), SHORT)?;
        assert_eq!(signer.public_key(), *key);
        sign_message(&signer, MESSAGE)
    }
}

#[test]
fn a_key_is_found_among_others_and_signs_the_message_itself() {
    let (own, other) = (key(), key());
    let signature = sign_message(&own, MESSAGE).expect("signed");
    let held = [
        ([field(b"ssh-rsa"), field(&[1; 300])].concat(), "rsa"),
        ([field(b"sk-ssh-ed25519@openssh.com"), field(own.public_key().as_bytes()), field(b"ssh:")].concat(), "sk"),
        (blob(&other.public_key()), "other"),
        (blob(&own.public_key()), "release"),
    ];
    let agent = Fake::saying(identities(&held), signature_of(&bytes_of(&signature.to_hex())));
    assert_eq!(agent.signs(&own.public_key()).expect("signed"), signature);
}

#[test]
fn each_answer_that_is_none_has_its_refusal() {
    let (own, other) = (key(), key());
    let listed = identities(&[(blob(&own.public_key()), "release")]);
    let good = signature_of(&bytes_of(&sign_message(&own, MESSAGE).expect("signed").to_hex()));
    let foreign = signature_of(&bytes_of(&sign_message(&other, MESSAGE).expect("signed").to_hex()));
    let failure = message(5, &[]);
    let garbage = "does not speak the protocol";
    let longer = |bytes: &[u8]| field(&[&bytes[4..], b"x"].concat());
    let wrong_name = message(14, &[field(&[field(b"ssh-rsa"), field(&[0; 64])].concat())]);
    for (listed, signed, reason, words) in [
        (failure.clone(), good.clone(), Reason::SignerFailed, "refuses to say which keys it holds"),
        (listed.clone(), failure.clone(), Reason::SignerFailed, "refuses to sign"),
        (listed.clone(), foreign, Reason::SignerMismatch, "its own public key does not verify"),
        (listed.clone(), signature_of(&[0; 64]), Reason::SignerMismatch, "does not verify"),
        (identities(&[]), good.clone(), Reason::SignerFailed, "does not hold that key"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), good.clone(), Reason::SignerFailed, garbage),
        (vec![], good.clone(), Reason::SignerFailed, garbage),
        (field(&[]), good.clone(), Reason::SignerFailed, garbage),
        (vec![0xff; 4], good.clone(), Reason::SignerFailed, garbage),
        (listed[..listed.len() - 1].to_vec(), good.clone(), Reason::SignerFailed, garbage),
        (longer(&listed), good.clone(), Reason::SignerFailed, garbage),
        (message(12, &[vec![0xff; 4]]), good.clone(), Reason::SignerFailed, garbage),
        (good.clone(), good.clone(), Reason::SignerFailed, garbage),
        (listed.clone(), longer(&good), Reason::SignerFailed, garbage),
        (listed.clone(), listed.clone(), Reason::SignerFailed, garbage),
        (listed.clone(), signature_of(&[0; 63]), Reason::SignerFailed, garbage),
        (listed.clone(), wrong_name, Reason::SignerFailed, garbage),
        (listed, vec![], Reason::SignerFailed, garbage),
    ] {
        let fault = Fake::saying(listed, signed).signs(&own.public_key()).expect_err(words);
        assert_eq!(fault.reason(), reason, "{fault}");
        assert!(fault.message().contains(words), "{words}: {fault}");
    }
}

/// In the form that was asked for, and no more of them than fit.
#[test]
fn what_it_holds_instead_is_listed() {
    let keys: Vec<SigningKey> = (0..10).map(|_| key()).collect();
    let mut held: Vec<_> = keys.iter().map(|key| (blob(&key.public_key()), "work \u{1b}[31m")).collect();
    held.push(([field(b"ssh-rsa"), field(&[1; 300])].concat(), "rsa"));
    let agent = Fake::saying(identities(&held), vec![]);
    let wanted = key().public_key().fingerprint();
    let fault = agent.find(NamedKey::Ours(wanted), SHORT).err().expect("not held");
    let difference = fault.difference().expect("both");
    assert_eq!(difference.expected, wanted.to_string());
    assert!(difference.found.starts_with(&keys[0].public_key().fingerprint().to_string()), "{}", difference.found);
    assert!(difference.found.ends_with("2 more") && !difference.found.contains('\u{1b}'), "{}", difference.found);
    let openssh: NamedKey = "SHA256:xBr6n8n1PxFT2H1EEe3YyyTLHD6SjfnCJ5sHmQrpPB8".parse().expect("a fingerprint");
    let fault = agent.find(openssh, SHORT).err().expect("not held");
    assert!(!fault.difference().expect("both").found.contains(&keys[0].public_key().fingerprint().hex()));
    for (held, words) in [(&held[10..], "no Ed25519 key among 1"), (&[], "no key at all, as an agent that is locked")] {
        let fault = Fake::saying(identities(held), vec![]).find(openssh, SHORT).err().expect("not held");
        assert!(fault.difference().expect("both").found.starts_with(words), "{fault:?}");
    }
}

#[test]
fn an_agent_that_hangs_anywhere_is_given_up() {
    let own = key();
    let listed = identities(&[(blob(&own.public_key()), "release")]);
    let began = Instant::now();
    for cut in [0, 3, 4, 20] {
        for silent in [11, 13] {
            let listed = listed.clone();
            let agent = Fake::new(move |kind, stream| {
                let said = if kind == silent { &listed[..cut] } else { &listed };
                stream.write_all(said).expect("written");
                thread::sleep(SIGNER_PATIENCE);
            });
            let fault = agent.signs(&own.public_key()).expect_err("hangs");
            assert_eq!(fault.reason(), Reason::SignerUnavailable, "{cut} of {silent}: {fault}");
            assert!(fault.message().contains("does not answer"), "{fault}");
        }
    }
    // One byte at a time is no answer in time either.
    let slow = Fake::new(move |_, stream| {
        while stream.write_all(&[0]).is_ok() {
            thread::sleep(Duration::from_millis(100));
        }
    });
    assert!(slow.signs(&own.public_key()).is_err());
    // Nobody takes what waits in the queue of the socket.
    let place = tempfile::tempdir().expect("a directory");
    let socket = place.path().join("agent");
    let _listener = UnixListener::bind(&socket).expect("bound");
    let full = Fake { _place: place, socket: socket.clone() };
    let mut waiting = Vec::new();
    for _ in 0..200 {
        let socket = socket.clone();
        waiting.push(thread::spawn(move || UnixStream::connect(socket)));
    }
    assert_eq!(full.signs(&own.public_key()).expect_err("full").reason(), Reason::SignerUnavailable);
    assert!(began.elapsed() < SIGNER_PATIENCE / 2, "{:?}", began.elapsed());
}

#[test]
fn whoever_stops_waiting_is_heard_and_no_socket_is_said() {
    let agent = Fake::new(|_, _| thread::sleep(SIGNER_PATIENCE));
    let (cancellation, began) = (Cancellation::default(), Instant::now());
    let stopped = thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(SHORT);
            cancellation.cancel();
        });
        let asked =
            Agent { socket: agent.socket.clone(), patience: SIGNER_PATIENCE, cancellation: cancellation.clone() };
        AgentSigner::find(asked, NamedKey::Ours(key().public_key().fingerprint())).err().expect("stopped")
    });
    assert_eq!(stopped.reason(), Reason::Interrupted);
    assert!(began.elapsed() < SIGNER_PATIENCE / 2);
    let place = tempfile::tempdir().expect("a directory");
    std::fs::write(place.path().join("file"), "").expect("written");
    for name in ["nowhere", "file"] {
        let (socket, cancellation) = (place.path().join(name), Cancellation::default());
        let agent = Agent { socket, patience: SHORT, cancellation };
        let fault = AgentSigner::find(agent, NamedKey::Ours(key().public_key().fingerprint())).err().expect("none");
        assert_eq!(fault.reason(), Reason::SignerUnavailable, "{fault}");
        assert!(fault.message().contains("no SSH agent answers at") && fault.next_step().contains("ssh-agent"));
    }
}

/// OpenSSH's agent, which ends with this.
struct OpenSsh {
    place: tempfile::TempDir,
    child: Child,
}

impl OpenSsh {
    #[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
    fn start() -> Option<Self> {
        let place = tempfile::tempdir().expect("a directory");
        let socket = place.path().join("agent");
        let mut agent = Command::new("ssh-agent");
        let agent = agent.args(["-D", "-a"]).arg(&socket).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let Ok(child) = agent else {
            eprintln!("SKIPPED: there is no ssh-agent");
            return None;
        };
        let began = Instant::now();
        while UnixStream::connect(&socket).is_err() {
            assert!(began.elapsed() < Duration::from_secs(20), "the agent never listens");
            thread::sleep(Duration::from_millis(10));
        }
        Some(Self { place, child })
    }

    fn run(&self, program: &str, words: &[&str]) -> String {
        let mut command = Command::new(program);
        command.args(words).current_dir(self.place.path()).env("SSH_AUTH_SOCK", self.place.path().join("agent"));
        let output = command.stdin(Stdio::null()).output().expect("runs");
        assert!(output.status.success(), "{program} {words:?}: {output:?}");
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    fn find(&self, name: &str) -> Result<AgentSigner, Fault> {
        let (socket, cancellation) = (self.place.path().join("agent"), Cancellation::default());
        AgentSigner::find(Agent { socket, patience: SIGNER_PATIENCE, cancellation }, name.parse().expect("a name"))
    }
}

impl Drop for OpenSsh {
    fn drop(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
    }
}

#[test]
fn the_agent_of_openssh_signs_by_either_fingerprint() {
    let Some(agent) = OpenSsh::start() else { return };
    agent.run("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-C", "release", "-f", "id"]);
    agent.run("ssh-keygen", &["-q", "-t", "ecdsa", "-N", "", "-f", "other"]);
    let listed = agent.run("ssh-keygen", &["-lf", "id.pub"]);
    let openssh = listed.split(' ').nth(1).expect("a fingerprint").to_owned();
    let empty = agent.find(&openssh).err().expect("nothing is added");
    assert!(empty.difference().expect("both").found.contains("no key at all"), "{empty:?}");
    agent.run("ssh-add", &["-q", "other"]);
    let other = agent.find(&openssh).err().expect("another");
    assert!(other.difference().expect("both").found.contains("no Ed25519 key among 1"), "{other:?}");
    agent.run("ssh-add", &["-q", "id"]);
    let signer = agent.find(&openssh).expect("it is there");
    let own = signer.public_key().fingerprint().to_string();
    sign_message(&signer, MESSAGE).expect("signed, and verified");
    let again = agent.find(&own).expect("it is there");
    assert_eq!(again.public_key(), signer.public_key());
    // Gone between the two questions.
    agent.run("ssh-add", &["-q", "-D"]);
    let fault = sign_message(&signer, MESSAGE).expect_err("gone");
    assert!(fault.reason() == Reason::SignerFailed && fault.message().contains("refuses to sign"), "{fault}");
}
