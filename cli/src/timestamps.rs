//! Where the timestamp of a new signature comes from, as it was typed.

use std::path::Path;

use aisoc_files::{Links, SmallFileError, read_small, shell_word};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_pipeline::{TimestampOrigin, TimestampSource};
use aisoc_registry_client::MAX_TIMESTAMP_ANSWER_BYTES;
use aisoc_signing::{Signature, TimestampToken};

use crate::args::plugin::RegistryArgs;
use crate::args::timestamp::TimestampArgs;
use crate::context::Context;
use crate::runtime;
use crate::timestamp_root;

/// What was asked for; nothing where nothing was.
///
/// # Errors
/// `timestamp_invalid` for an answer that is larger than any, and what reading it and the authorities comes to.
pub(crate) fn source(args: TimestampArgs, context: &Context) -> Result<Option<TimestampSource>> {
    let Some(text) = args.timestamp else { return Ok(None) };
    let named = timestamp_root::authorities(args.timestamp_root, &context.environment)?;
    // Nothing is a file that is named as a URL is.
    let origin = match ["https://", "http://"].iter().any(|scheme| text.starts_with(scheme)) {
        true => {
            let options = Box::new(context.client(&RegistryArgs::default(), &[])?);
            TimestampOrigin::Authority { url: text, options }
        }
        false => TimestampOrigin::Answer { content: read_answer(text.as_ref())?, place: text },
    };
    Ok(Some(TimestampSource::new(origin, named)))
}

/// As [`source`], where the result is named by a digest: nobody else hears of what is only tried, and without the answer
/// there is no saying what that digest would be.
///
/// # Errors
/// As [`source`]; `usage` in a dry run that would have to ask somebody.
pub(crate) fn source_of_digest(args: TimestampArgs, context: &Context) -> Result<Option<TimestampSource>> {
    let source = source(args, context)?;
    match source.as_ref().is_some_and(TimestampSource::is_asked) && context.dry_run().is_on() {
        false => Ok(source),
        true => Err(Fault::new(
            Reason::Usage,
            "a dry run asks no timestamp authority, and each answer makes another digest",
        )
        .expected("`--dry-run` or `--timestamp URL`", "both")
        .hint("leave `--timestamp` out of the dry run")),
    }
}

/// Asks for the timestamp of a signature, and waits for it.
pub(crate) fn asked<'a>(
    source: &'a TimestampSource,
    context: &'a Context,
) -> impl Fn(&Signature) -> Result<TimestampToken> + 'a {
    move |signature| runtime::block_on(context.cancellation()?, source.timestamp(signature))
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
