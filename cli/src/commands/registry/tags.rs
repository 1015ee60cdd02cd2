//! `aisoc registry tags`

use aisoc_files::shell_word;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::reference::{Reference, Tag};
use aisoc_pipeline::documents::TagList;

use crate::args::registry::TagsArgs;
use crate::context::Context;
use crate::output::{Answer, printable};
use crate::runtime;

impl Answer for TagList {
    fn text(&self) -> String {
        self.tags.iter().map(|tag| format!("{}\n", printable(tag))).collect()
    }
}

pub(crate) fn run(args: TagsArgs, context: &Context) -> Result<u8> {
    let TagsArgs { place, registry } = args;
    require_no_name(&place)?;
    let options = context.client(&registry, &[&place])?;
    let tags = runtime::block_on(context.cancellation()?, aisoc_pipeline::tags(&place, &options))?;
    let tags = tags.all().iter().map(Tag::to_string).collect();
    context.output.answer(&TagList { reference: place.to_string(), tags })
}

/// A tag or a digest would be passed over, and whoever wrote it means another command.
fn require_no_name(place: &Reference) -> Result<()> {
    if place.names_no_artifact() {
        return Ok(());
    }
    let one = shell_word(place.to_string());
    let whole = shell_word(place.without_name().to_string());
    Err(Fault::new(Reason::Usage, format!("`{place}` names one artifact, and tags are those of a repository")).hint(
        format!(
            "list all of them with `aisoc registry tags {whole}`, or see this one with `aisoc plugin inspect {one}`"
        ),
    ))
}
