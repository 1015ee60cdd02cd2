//! Where the timestamp of a new signature comes from, as it was typed.

use std::path::Path;

use aisoc_files::{Links, SmallFileError, read_small, shell_word};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_pipeline::{TimestampOrigin, TimestampSource};
use aisoc_registry_client::{MAX_TIMESTAMP_ANSWER_BYTES, check_timestamp_url};
use aisoc_signing::{Signature, TimestampToken};

use crate::args::plugin::RegistryArgs;
use crate::args::timestamp::TimestampArgs;
use crate::context::Context;
use crate::runtime;
use crate::timestamp_root;

/// What was asked for; nothing where nothing was.
///
/// # Errors
/// `usage` for a URL that may not be asked; `timestamp_invalid` for an answer that is larger than any, and what reading it and
/// the authorities comes to.
pub(crate) fn source(
    args: TimestampArgs,
    registry: &RegistryArgs,
    context: &Context,
) -> Result<Option<TimestampSource>> {
    let Some(text) = args.timestamp else { return Ok(None) };
    let named = timestamp_root::authorities(args.timestamp_root, &context.environment)?;
    // Nothing is a file that is named as a URL is.
    let origin = match text.contains("://") {
        true => {
            check_timestamp_url(&text)?;
            TimestampOrigin::Authority { url: text, options: Box::new(context.client(registry, &[])?) }
        }
        false => TimestampOrigin::Answer { content: read_answer(text.as_ref())?, place: text },
    };
    Ok(Some(TimestampSource::new(origin, named)))
}

/// As [`source`], where the result is named by a digest: nobody else hears of what is only tried, and without the answer
/// there is no saying what that digest would be. `signatures` is how many there will be.
///
/// # Errors
/// As [`source`]; `usage` in a dry run that would have to ask somebody, and for one answer to several signatures.
pub(crate) fn source_of_digest(
    args: TimestampArgs,
    registry: &RegistryArgs,
    signatures: usize,
    context: &Context,
) -> Result<Option<TimestampSource>> {
    let source = source(args, registry, context)?;
    match source.as_ref().map(TimestampSource::is_asked) {
        Some(true) if context.dry_run().is_on() => Err(Fault::new(
            Reason::Usage,
            "a dry run asks no timestamp authority, and each answer makes another digest",
        )
        .expected("`--dry-run` or `--timestamp URL`", "both")
        .hint("leave `--timestamp` out of the dry run")),
        Some(false) if signatures > 1 => {
            Err(Fault::new(Reason::Usage, "an answer of a timestamp authority is about one signature")
                .expected("one signature, or `--timestamp URL`", format!("{signatures} signatures"))
                .hint("have each asked for: `--timestamp URL`; or do it one after the other"))
        }
        _ => Ok(source),
    }
}

/// Asks for the timestamp of a signature, waits for it, and says where the one that is there stays.
pub(crate) fn asked<'a>(
    source: &'a TimestampSource,
    context: &'a Context,
) -> impl Fn(&Signature, Option<TimestampToken>) -> Result<TimestampToken> + 'a {
    move |signature, present| {
        let before = present.as_ref().map(|present| present.as_bytes().to_vec());
        let token = runtime::block_on(context.cancellation()?, source.timestamp(signature, present))?;
        if before.as_deref() == Some(token.as_bytes()) {
            context
                .output
                .status("Kept", format!("the timestamp of {}, and no other is earlier", token.claimed_time()));
        }
        Ok(token)
    }
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
