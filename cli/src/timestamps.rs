//! Where the timestamp of a new signature comes from.

use std::path::{Path, PathBuf};

use aisoc_files::{Links, SmallFileError, read_small, shell_word};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_registry_client::{MAX_TIMESTAMP_ANSWER_BYTES, ask_for_timestamp};
use aisoc_signing::{Signature, TimestampAuthorities, TimestampQuery, TimestampToken, standard_reply};

use crate::args::plugin::RegistryArgs;
use crate::context::Context;
use crate::environment::TIMESTAMP_ROOT;
use crate::runtime;

/// Where the timestamp of a new signature comes from.
#[derive(Debug, Clone)]
pub(crate) enum TimestampSource {
    /// An authority that is asked.
    Authority(String),
    /// The answer of one that somebody has asked.
    Answer(PathBuf),
}

impl TimestampSource {
    /// Reads what was typed. Nothing is a file that is named as a URL is.
    pub(crate) fn of(text: &str) -> Self {
        let is_url = ["https://", "http://"].iter().any(|scheme| text.starts_with(scheme));
        if is_url { Self::Authority(text.to_owned()) } else { Self::Answer(text.into()) }
    }

    /// The timestamp of that signature. Where authorities are named here, one of them has to have signed it: nobody
    /// wants a timestamp that this very machine would not count.
    ///
    /// # Errors
    /// `timestamp_invalid`, and what asking and reading come to.
    pub(crate) fn timestamp(
        &self,
        signature: &Signature,
        named: &TimestampAuthorities,
        context: &Context,
    ) -> Result<TimestampToken> {
        let token = match self {
            Self::Authority(url) => ask(url, signature, context)?,
            Self::Answer(path) => standard_reply(&path.display().to_string(), &read_answer(path)?, signature)?,
        };
        if named.is_none() {
            return Ok(token);
        }
        let judged = named.judge(&token, signature);
        judged.map(|_| token).map_err(|why| {
            Fault::new(Reason::TimestampInvalid, format!("the timestamp would not count here: {why}"))
                .expected("a timestamp of an authority that is named here", "another one")
                .hint(format!("ask an authority of the file that {TIMESTAMP_ROOT} or `--timestamp-root` names"))
        })
    }
}

fn ask(url: &str, signature: &Signature, context: &Context) -> Result<TimestampToken> {
    let query = TimestampQuery::new(*signature)?;
    let options = context.client(&RegistryArgs::default(), &[])?;
    let answer = runtime::block_on(context.cancellation()?, ask_for_timestamp(url, query.to_der(), &options))?;
    query.answered("the answer of the timestamp authority", &answer)
}

fn read_answer(path: &Path) -> Result<Vec<u8>> {
    match read_small(path, MAX_TIMESTAMP_ANSWER_BYTES as u64, Links::Followed) {
        Ok(file) => Ok(file.content),
        Err(SmallFileError::Io(error)) => Err(Fault::io("read", path, error)),
        Err(error) => {
            let file = shell_word(path);
            Err(Fault::new(Reason::TimestampInvalid, format!("`{}` is not read", path.display()))
                .expected(format!("a file of at most {MAX_TIMESTAMP_ANSWER_BYTES} bytes"), error.to_string())
                .hint(format!("look at what it is: `ls -l {file}`")))
        }
    }
}
