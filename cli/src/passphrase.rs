//! Passphrases: from where an option says, else from the person at the terminal. Without a terminal nobody is asked,
//! so that no build waits for an answer.

use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};

use aisoc_manifests::fault::{Fault, Reason, Result};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::args::passphrase::PassphraseSource;
use crate::commands::can_ask;
use crate::context::Context;
use crate::secret_file::Secret;
use crate::waiting::Waiting;

/// Longer than any passphrase, and what a terminal takes in one line.
const MAX_PASSPHRASE_BYTES: usize = 1 << 10;
const PASSPHRASE: Secret =
    Secret { name: "passphrase", reason: Reason::PassphraseInvalid, max_bytes: MAX_PASSPHRASE_BYTES, ways: WAYS };
const WAYS: &str = "give it with `--passphrase env:VARIABLE`, `--passphrase fd:N` or `--passphrase file:PATH`";

/// The passphrases of the keys of one command.
pub(crate) struct Passphrases<'a> {
    context: &'a Context,
    sources: &'a [PassphraseSource],
    /// How many were taken.
    taken: usize,
    /// One for all is read once: a pipe gives it once.
    shared: Option<Zeroizing<Vec<u8>>>,
}

impl<'a> Passphrases<'a> {
    pub(crate) fn new(sources: &'a [PassphraseSource], context: &'a Context) -> Self {
        Self { context, sources, taken: 0, shared: None }
    }

    /// That of the next key that needs one; `whose` says which that is.
    ///
    /// # Errors
    /// `passphrase_invalid` when there is none or it cannot be read, `usage` when there are fewer than keys,
    /// `private_key_exposed` for a file that others can read; `interrupted`.
    pub(crate) fn next(&mut self, whose: &str) -> Result<Zeroizing<Vec<u8>>> {
        self.taken += 1;
        match self.sources {
            [] => ask(&format!("Passphrase of {whose}: "), whose, self.context),
            [one] => {
                let read = self.shared.take().map_or_else(|| read(one, self.context), Ok)?;
                self.shared = Some(read.clone());
                Ok(read)
            }
            each => {
                let source = each.get(self.taken - 1).ok_or_else(|| self.number())?;
                read(source, self.context)
            }
        }
    }

    /// Refuses what was given and not needed: whoever gives a passphrase holds the key for encrypted.
    ///
    /// # Errors
    /// `usage`.
    pub(crate) fn finish(self) -> Result<()> {
        match self.sources.len() {
            0 | 1 if self.taken >= self.sources.len() => Ok(()),
            given if given == self.taken => Ok(()),
            _ => Err(self.number()),
        }
    }

    fn number(&self) -> Fault {
        let (given, needed) = (self.sources.len(), self.taken);
        Fault::new(Reason::Usage, "`--passphrase` is not given once for each key that needs one")
            .expected(format!("{needed}, or one for all"), given.to_string())
            .hint("leave it out for keys that are not encrypted; `openssl pkcs8 -topk8` encrypts one")
    }
}

/// What is there, without the line break behind it.
///
/// # Errors
/// As [`Passphrases::next`].
pub(crate) fn read(source: &PassphraseSource, context: &Context) -> Result<Zeroizing<Vec<u8>>> {
    let cancellation = context.cancellation()?;
    let file = |path: &str| {
        let unreadable = |error: io::Error| {
            Fault::new(Reason::PassphraseInvalid, format!("cannot read the passphrase `{path}`"))
                .caused_by(error)
                .hint(WAYS)
        };
        PASSPHRASE.file(path, cancellation, unreadable)
    };
    let found = match source {
        PassphraseSource::Variable(name) => Secret::variable(name, &context.environment).ok_or_else(|| {
            Fault::new(Reason::PassphraseInvalid, "the environment variable that `--passphrase env:…` names is not set")
                .hint("write the name of a variable after `env:`, and set it to the passphrase")
        })?,
        PassphraseSource::Descriptor(number) => file(&format!("/dev/fd/{number}"))?,
        PassphraseSource::File(path) => file(&path.to_string_lossy())?,
    };
    let mut passphrase = found.refuse_exposed()?;
    let end = passphrase.strip_suffix(b"\n").map_or(passphrase.len(), <[u8]>::len);
    let end = passphrase[..end].strip_suffix(b"\r").map_or(end, <[u8]>::len);
    passphrase.truncate(end);
    require_some(passphrase)
}

fn require_some(passphrase: Zeroizing<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>> {
    match passphrase.is_empty() {
        true => Err(Fault::new(Reason::PassphraseInvalid, "the passphrase is empty").hint(WAYS)),
        false => Ok(passphrase),
    }
}

/// A new passphrase, asked for twice: what is mistyped unseen would lose the key.
///
/// # Errors
/// `passphrase_invalid` when the two differ or nobody can be asked; `interrupted`.
pub(crate) fn ask_for_new(whose: &str, context: &Context) -> Result<Zeroizing<Vec<u8>>> {
    let first = ask(&format!("New passphrase of {whose}: "), whose, context)?;
    match ask("The same again: ", whose, context)? == first {
        true => Ok(first),
        false => Err(Fault::new(Reason::PassphraseInvalid, "the two passphrases differ; nothing was written")
            .hint("run the command again")),
    }
}

fn ask(question: &str, whose: &str, context: &Context) -> Result<Zeroizing<Vec<u8>>> {
    if !can_ask(context) {
        let message = format!("{whose} needs a passphrase, and there is no terminal to ask for it on");
        return Err(Fault::new(Reason::PassphraseInvalid, message).hint(WAYS));
    }
    let unasked = |error: io::Error| {
        Fault::new(Reason::PassphraseInvalid, "the passphrase could not be asked for").caused_by(error).hint(WAYS)
    };
    let unseen = Unseen::begin().map_err(unasked)?;
    anstream::stderr().write_all(question.as_bytes()).map_err(unasked)?;
    let line = unseen.line(context);
    // The line break that was not shown.
    anstream::stderr().write_all(b"\n").map_err(unasked)?;
    drop(unseen);
    context.cancellation()?.check()?;
    require_some(line.map_err(unasked)?)
}

/// The terminal on standard input, which does not show what is typed until this is dropped.
struct Unseen {
    terminal: OwnedFd,
    before: Termios,
}

impl Unseen {
    fn begin() -> io::Result<Self> {
        let terminal = io::stdin().as_fd().try_clone_to_owned()?;
        let before = tcgetattr(&terminal)?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL);
        // What was typed before the question was shown is no answer to it.
        tcsetattr(&terminal, OptionalActions::Flush, &silent)?;
        Ok(Self { terminal, before })
    }

    /// One line without its end. A line that does not end, by Ctrl-D or because it is too long, is none.
    fn line(&self, context: &Context) -> io::Result<Zeroizing<Vec<u8>>> {
        let mut buffer = Zeroizing::new(vec![0; MAX_PASSPHRASE_BYTES + 1]);
        let cancellation = context.cancellation().map_err(io::Error::other)?;
        let mut terminal = Waiting::new(std::fs::File::from(self.terminal.try_clone()?), cancellation);
        let mut length = 0;
        while length < buffer.len() {
            length += match terminal.read(&mut buffer[length..])? {
                0 => break,
                read => read,
            };
            if buffer[..length].ends_with(b"\n") {
                buffer.truncate(length - 1);
                return Ok(buffer);
            }
        }
        Err(io::Error::new(io::ErrorKind::InvalidData, "no whole line was typed"))
    }
}

impl Drop for Unseen {
    fn drop(&mut self) {
        // A terminal that is gone shows nothing.
        let _ = tcsetattr(&self.terminal, OptionalActions::Flush, &self.before);
    }
}
