//! The environment, read once: flags win, then variables, then the documented defaults.

use std::cell::OnceCell;
use std::env;
use std::fs::File;
use std::os::fd::AsFd as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use aisoc_drafts::{SmallFileError, read_stream};
use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_packaging::{Access, Limits, NetworkFileSystems};
use aisoc_pipeline::TrustInputs;
use aisoc_registry_client::ClientOptions;
use aisoc_signing::SigningKey;
use aisoc_trust::{CoverageRule, Policy, TrustMode};
use jiff::Timestamp;
use rustix::fs::{Mode, OFlags};

use crate::args::plugin::{ChangeArgs, RegistryArgs, TrustArgs};
use crate::output::Output;
use crate::runtime;
use crate::waiting::Waiting;

const PLUGINS_DIR: &str = "AISOC_PLUGINS_DIR";
const TRUST_MODE: &str = "PLUGIN_TRUST_MODE";
const TRUST_COVERAGE: &str = "PLUGIN_TRUST_COVERAGE";
const TRUSTED_KEYS_DIR: &str = "PLUGIN_TRUSTED_KEYS_DIR";
const DEFAULT_PLUGINS_DIR: &str = "/opt/aisoc/plugins";
const DEFAULT_TRUSTED_KEYS_DIR: &str = "/opt/aisoc/plugin-keys";
/// Values of `ENVIRONMENT` in which nobody has to be warned about a mode that checks nothing.
const DEVELOPMENT: [&str; 5] = ["development", "dev", "local", "demo", "test"];

/// What the flags and the environment say.
pub(crate) struct Context {
    pub(crate) output: Output,
    cancellation: Cancellation,
    listening: OnceCell<()>,
}

impl Context {
    pub(crate) fn new(output: Output) -> Self {
        Self { output, cancellation: Cancellation::default(), listening: OnceCell::new() }
    }

    /// What stops the command, from now on instead of the process: for commands that ask it wherever they
    /// take long.
    ///
    /// # Errors
    /// `io_error` when the system takes no signal handler.
    pub(crate) fn cancellation(&self) -> Result<&Cancellation> {
        if self.listening.set(()).is_ok() {
            runtime::stop_on_signals(&self.cancellation)?;
        }
        Ok(&self.cancellation)
    }

    /// How much is read of a directory, and until when.
    ///
    /// # Errors
    /// As [`Context::cancellation`].
    pub(crate) fn limits(&self) -> Result<Limits> {
        self.cancellation().map(Limits::until)
    }

    /// The plugins directory.
    pub(crate) fn plugins_dir(&self, flag: Option<PathBuf>) -> PathBuf {
        flag.or_else(|| path_variable(PLUGINS_DIR)).unwrap_or_else(|| DEFAULT_PLUGINS_DIR.into())
    }

    /// The plugins directory, and how the command of these words goes about changing it.
    ///
    /// # Errors
    /// As [`Context::cancellation`].
    pub(crate) fn change(&self, args: ChangeArgs, command: &str) -> Result<(PathBuf, Access)> {
        let access = Access {
            command: command.to_owned(),
            lock_timeout: Duration::from_secs(args.lock_timeout),
            network_file_systems: match args.accept_network_file_system {
                true => NetworkFileSystems::Accepted,
                false => NetworkFileSystems::Refused,
            },
            cancellation: self.cancellation()?.clone(),
        };
        Ok((self.plugins_dir(args.plugins_dir), access))
    }

    /// Says what a command could not remove: the command itself has done its work.
    pub(crate) fn warn_of_leftovers(&self, leftovers: &[PathBuf]) {
        for path in leftovers {
            self.output.warning(format!("could not remove `{}`; `aisoc plugin gc` tries again", path.display()));
        }
    }

    /// Whom to trust, how far, and by which time. A mode that is misspelt in the environment is strict,
    /// and says so; misspelt on the command line it is a usage error.
    pub(crate) fn trust(&self, args: TrustArgs) -> TrustInputs {
        let keys_dir = args
            .trusted_keys
            .or_else(|| path_variable(TRUSTED_KEYS_DIR))
            .unwrap_or_else(|| DEFAULT_TRUSTED_KEYS_DIR.into());
        let mode = args.trust_mode.unwrap_or_else(|| self.variable(TRUST_MODE, TrustMode::Strict, TrustMode::as_str));
        if mode == TrustMode::Disabled && !is_development() {
            self.output.warning(
                "PLUGIN_TRUST_MODE=disabled outside development — plugins will load without signature verification.",
            );
        }
        let coverage = args
            .trust_coverage
            .unwrap_or_else(|| self.variable(TRUST_COVERAGE, CoverageRule::Full, CoverageRule::as_str));
        let policy = Policy { coverage, required_signers: args.required_signers, ..Policy::of(mode) };
        TrustInputs { keys_dir, policy, at: Timestamp::now() }
    }

    /// A variable's value, or the default when it is not set. A misspelt one counts as the strictest:
    /// somebody wanted something, and it must not become less.
    fn variable<T: Default + Copy + FromStr>(&self, name: &str, strictest: T, word: impl Fn(T) -> &'static str) -> T {
        let Some(text) = env::var_os(name).filter(|text| !text.is_empty()) else {
            return T::default();
        };
        text.to_string_lossy().parse().unwrap_or_else(|_| {
            let (text, fallback) = (text.to_string_lossy(), word(strictest));
            self.output.warning(format!("invalid {name} `{text}`; falling back to {fallback}"));
            strictest
        })
    }

    /// How to reach registries.
    ///
    /// # Errors
    /// As [`Context::cancellation`].
    pub(crate) fn client(&self, args: &RegistryArgs) -> Result<ClientOptions> {
        Ok(ClientOptions { cancellation: self.cancellation()?.clone(), ..crate::client::options(args) })
    }

    /// A signing key: from a file, from `env:VARIABLE`, or from standard input for `-`. Says when others
    /// can get at the file, and uses it all the same: build systems mount secrets that way.
    ///
    /// # Errors
    /// `key_invalid` when the variable is unset, when the file cannot be read, is no file of a key's size,
    /// or holds no signing key.
    pub(crate) fn signing_key(&self, source: &str) -> Result<SigningKey> {
        let key = SigningKey::from_pem(&private_key(source, self.cancellation()?)?)?;
        if let Some(mode) = open_to_others(source) {
            let danger = format!("the private key `{source}` has mode {mode:04o}: other users can get at it");
            self.output.warning(format!("{danger}; run `chmod 600 {source}`"));
        }
        Ok(key)
    }
}

/// Larger than any private key.
const MAX_KEY_BYTES: u64 = 64 << 10;

/// The mode of a key file that its group or everybody can read or write.
fn open_to_others(source: &str) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt as _;
    if source == "-" || source.starts_with("env:") {
        return None;
    }
    let found = std::fs::metadata(source).ok().filter(std::fs::Metadata::is_file)?;
    Some(found.permissions().mode() & 0o7777).filter(|mode| mode & 0o066 != 0)
}

/// The bytes that a private key is read from.
fn private_key(source: &str, cancellation: &Cancellation) -> Result<Vec<u8>> {
    if let Some(variable) = source.strip_prefix("env:") {
        return env::var(variable).map(String::into_bytes).map_err(|_| {
            Fault::new(Reason::KeyInvalid, format!("the environment variable `{variable}` holds no key"))
                .hint(format!("set {variable} to the PEM text of the private key"))
        });
    }
    if source == "-" {
        let input = std::io::stdin().as_fd().try_clone_to_owned();
        let input = input.map_err(|error| Fault::io("read the private key", source.as_ref(), error))?;
        return whole_key(source, input.into(), cancellation);
    }
    whole_key(source, open_key(source)?, cancellation)
}

/// All that can be read, unless it is more than a key.
fn whole_key(source: &str, file: File, cancellation: &Cancellation) -> Result<Vec<u8>> {
    read_stream(Waiting::new(file, cancellation), MAX_KEY_BYTES).map_err(|error| match error {
        SmallFileError::TooLarge { .. } => Fault::new(Reason::KeyInvalid, format!("`{source}` is larger than a key"))
            .expected(format!("at most {MAX_KEY_BYTES} bytes"), "more"),
        error => Fault::io("read the private key", source.as_ref(), error.into()),
    })
}

/// Opens what is there without waiting, and judges what is open: a FIFO of that name could wait for ever.
/// A shell's `<(…)` is a pipe too, and has its writer.
fn open_key(source: &str) -> Result<File> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let fail = |error| {
        Fault::new(Reason::KeyInvalid, format!("cannot read the private key `{source}`"))
            .caused_by(error)
            .hint("pass an existing key, or make one with `aisoc plugin keygen --out PREFIX`")
    };
    let opened = rustix::fs::open(source, flags, Mode::empty()).map_err(|error| fail(std::io::Error::from(error)))?;
    let file = File::from(opened);
    let kind = file.metadata().map_err(fail)?.file_type();
    if kind.is_file() || (kind.is_fifo() && source.starts_with("/dev/")) {
        return Ok(file);
    }
    Err(Fault::new(Reason::KeyInvalid, format!("the private key `{source}` is not a regular file"))
        .hint("pass the path of a key file, `env:VARIABLE`, or `-` and the key on standard input"))
}

fn path_variable(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

fn is_development() -> bool {
    env::var("ENVIRONMENT").is_ok_and(|value| DEVELOPMENT.contains(&value.to_ascii_lowercase().as_str()))
}

/// `SOURCE_DATE_EPOCH`: the time that a reproducible build writes, in seconds since 1970.
///
/// # Errors
/// `usage` when it is set and not a number: a build that asked for a time must not get another one.
pub(crate) fn source_date_epoch() -> Result<Option<u64>> {
    const VARIABLE: &str = "SOURCE_DATE_EPOCH";
    let Some(text) = env::var_os(VARIABLE).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    // Twelve octal digits is what a tar header holds.
    const LATEST: u64 = 0o77_777_777_777;
    let seconds = text.to_str().and_then(|text| text.parse().ok()).filter(|seconds| *seconds <= LATEST);
    seconds.map(Some).ok_or_else(|| {
        Fault::new(Reason::Usage, format!("`{VARIABLE}` is `{}`", text.to_string_lossy()))
            .hint("set it to seconds since 1970, for example `git log -1 --format=%ct`")
    })
}
