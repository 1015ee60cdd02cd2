//! `AgentSigner`: a key that an SSH agent holds. The agent signs the message itself, so that what comes out is what
//! the key would make, and no signature in the format of SSH.
//!
//! Whatever answers on the socket may hang, print anything, or hold another key: every wait ends, every length is
//! bounded before it is believed, and nothing is taken for an answer that is not one to its last byte.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::shown;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::agent_message::{
    Identities, NoAnswer, read_identities, read_signature, request_identities, request_signature,
};
use super::key_holder::KeyHolder;
use super::key_named::NamedKey;
use crate::key::PublicKey;
use crate::signature::Signature;

/// Longest message of an agent, as OpenSSH's has it.
const MAX_MESSAGE_BYTES: usize = 256 << 10;
/// Keys of an agent that a refusal names.
const MAX_SHOWN: usize = 8;
/// How soon a signal is noticed.
const ROUND: Timespec = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };

/// A key of an SSH agent.
pub struct AgentSigner {
    agent: Agent,
    name: NamedKey,
    public_key: PublicKey,
}

/// Where an agent listens, and how long it has for an answer: some ask a person first.
#[derive(Clone)]
pub struct Agent {
    /// Its socket, `SSH_AUTH_SOCK`.
    pub socket: PathBuf,
    /// For each answer.
    pub patience: Duration,
    /// Stops waiting.
    pub cancellation: Cancellation,
}

impl AgentSigner {
    /// Looks for a key.
    ///
    /// # Errors
    /// `signer_unavailable` when the agent cannot be reached or does not answer, `signer_failed` when it refuses,
    /// answers with something else, or does not hold the key; `interrupted`.
    pub fn find(agent: Agent, name: NamedKey) -> Result<Self> {
        let found = agent.ask(&request_identities(), read_identities, "say which keys it holds")?;
        match found.keys.iter().find(|(key, _)| name.names(key)) {
            Some((key, _)) => Ok(Self { public_key: *key, agent, name }),
            None => Err(missing(&name, &found)),
        }
    }
}

impl KeyHolder for AgentSigner {
    fn public_key(&self) -> PublicKey {
        self.public_key
    }

    fn name(&self) -> String {
        format!("the SSH agent, of its key {},", self.name)
    }

    fn sign(&self, message: &[u8]) -> Result<Signature> {
        self.agent.cancellation.waits_for("for the SSH agent");
        let request = request_signature(&self.public_key, message);
        if request.len() > MAX_MESSAGE_BYTES {
            return Err(Fault::new(Reason::SignerFailed, "what is to be signed is larger than an SSH agent takes")
                .expected(format!("at most {MAX_MESSAGE_BYTES} bytes"), format!("{} bytes", request.len()))
                .hint("sign it with a key from a file, a token or a program: `aisoc help signing-keys`"));
        }
        self.agent.ask(&request, read_signature, "sign").map(Signature)
    }
}

/// Which keys there are instead, in the form of the one that was asked for.
fn missing(name: &NamedKey, found: &Identities) -> Fault {
    let shown_key = |(key, comment): &(PublicKey, String)| format!("{} ({})", name.of(key), shown(comment, 40));
    let mut held: Vec<String> = found.keys.iter().take(MAX_SHOWN).map(shown_key).collect();
    let more = found.keys.len().saturating_sub(MAX_SHOWN);
    held.extend((more > 0).then(|| format!("{more} more")));
    if held.is_empty() {
        held.push(match found.other_count {
            0 => "no key at all, as an agent that is locked says too".to_owned(),
            count => format!("no Ed25519 key among {count}"),
        });
    }
    Fault::new(Reason::SignerFailed, "the SSH agent does not hold that key")
        .expected(name.to_string(), held.join(", "))
        .hint("add it with `ssh-add FILE`, or unlock the agent with `ssh-add -X`; `ssh-add -l` lists what it holds")
}

impl Agent {
    fn ask<T>(&self, request: &[u8], read: fn(&[u8]) -> Result<T, NoAnswer>, act: &str) -> Result<T> {
        let deadline = Instant::now() + self.patience;
        let stream = self.connect(deadline)?;
        let mut conversation = Conversation { stream, deadline, cancellation: &self.cancellation };
        let answer = conversation.exchange(request);
        self.cancellation.check()?;
        let answer = answer.map_err(|error| self.unanswered(&error))?;
        read(&answer).map_err(|no| match no {
            NoAnswer::Refused => Fault::new(Reason::SignerFailed, format!("the SSH agent refuses to {act}"))
                .hint("unlock it with `ssh-add -X`, and confirm where it asks; it does not say why it refuses"),
            NoAnswer::Garbage => self.garbage(),
        })
    }

    /// In a thread, because a socket whose queue is full is waited for in the kernel.
    fn connect(&self, deadline: Instant) -> Result<UnixStream> {
        let (sender, receiver) = mpsc::channel();
        let socket = self.socket.clone();
        let connect = move || {
            let connected = UnixStream::connect(socket).and_then(|stream| {
                stream.set_nonblocking(true)?;
                Ok(stream)
            });
            // Nobody waits for it any more.
            let _ = sender.send(connected);
        };
        let begun = thread::Builder::new().name("agent".to_owned()).spawn(connect);
        begun.map_err(|error| self.unreachable(&error))?;
        loop {
            self.cancellation.check()?;
            match receiver.recv_timeout(Duration::from_millis(20)) {
                Ok(connected) => return connected.map_err(|error| self.unreachable(&error)),
                Err(mpsc::RecvTimeoutError::Timeout) if Instant::now() < deadline => {}
                Err(_) => return Err(self.unanswered(&ErrorKind::TimedOut.into())),
            }
        }
    }

    fn shown(&self) -> String {
        shown(&self.socket.to_string_lossy(), 120)
    }

    fn unreachable(&self, error: &io::Error) -> Fault {
        Fault::new(Reason::SignerUnavailable, format!("no SSH agent answers at `{}`", self.shown()))
            .caused_by(error.to_string())
            .hint("start one with `eval \"$(ssh-agent)\"`, and add the key with `ssh-add FILE`")
    }

    fn unanswered(&self, error: &io::Error) -> Fault {
        match error.kind() {
            ErrorKind::TimedOut => {
                Fault::new(Reason::SignerUnavailable, format!("the SSH agent at `{}` does not answer", self.shown()))
                    .expected(format!("an answer within {} seconds", self.patience.as_secs()), "none")
                    .hint("see whether it waits for somebody to confirm, or `ssh-add -l` hangs too, then try again")
            }
            ErrorKind::InvalidData | ErrorKind::UnexpectedEof => self.garbage(),
            _ => self.unreachable(error),
        }
    }

    fn garbage(&self) -> Fault {
        let what = format!("what answers at `{}` does not speak the protocol of an SSH agent", self.shown());
        Fault::new(Reason::SignerFailed, what).hint("see what SSH_AUTH_SOCK names: `ssh-add -l` asks the same")
    }
}

/// One question and its answer.
struct Conversation<'a> {
    stream: UnixStream,
    deadline: Instant,
    cancellation: &'a Cancellation,
}

impl Conversation<'_> {
    fn exchange(&mut self, request: &[u8]) -> io::Result<Vec<u8>> {
        let length = u32::try_from(request.len()).map_err(io::Error::other)?;
        self.write(&[&length.to_be_bytes(), request].concat())?;
        let mut length = [0; 4];
        self.fill(&mut length)?;
        let length = usize::try_from(u32::from_be_bytes(length)).map_err(io::Error::other)?;
        if !(1..=MAX_MESSAGE_BYTES).contains(&length) {
            return Err(ErrorKind::InvalidData.into());
        }
        let mut answer = vec![0; length];
        self.fill(&mut answer)?;
        Ok(answer)
    }

    fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            self.wait(PollFlags::OUT)?;
            match self.stream.write(bytes) {
                Ok(length) => bytes = &bytes[length..],
                Err(error) if is_passing(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn fill(&mut self, mut buffer: &mut [u8]) -> io::Result<()> {
        while !buffer.is_empty() {
            self.wait(PollFlags::IN)?;
            match self.stream.read(buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(length) => buffer = &mut buffer[length..],
                Err(error) if is_passing(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Until something can be moved.
    fn wait(&self, flags: PollFlags) -> io::Result<()> {
        loop {
            self.cancellation.check()?;
            if Instant::now() > self.deadline {
                return Err(ErrorKind::TimedOut.into());
            }
            match poll(&mut [PollFd::new(&self.stream, flags)], Some(&ROUND)) {
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
