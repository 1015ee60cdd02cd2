//! `aisoc plugin sbom`

use aisoc_manifests::fault::Result;
use aisoc_manifests::warning::Warning;
use aisoc_pipeline::documents::PluginSbom;
use aisoc_pipeline::{Sbom, UnreadList};

use crate::args::plugin::SbomArgs;
use crate::context::Context;
use crate::output::{Answer, Form};

/// How many notes of one list a warning repeats.
const SHOWN: usize = 3;

impl Answer for PluginSbom {
    fn text(&self) -> String {
        let mut text =
            serde_json::to_string_pretty(&self.sbom).expect("a bill of materials is texts and lists of them");
        text.push('\n');
        text
    }

    fn form(&self) -> Form {
        Form::Json
    }
}

pub(crate) fn run(args: SbomArgs, context: &Context) -> Result<u8> {
    let time = context.environment.source_date_epoch()?;
    let sbom = Sbom::of_directory(args.directory.path()?, &context.limits()?, time)?;
    warn_of_unread(&sbom.unread, context);
    context.output.answer(&PluginSbom::from(sbom))
}

/// Names the lists of which a document does not have everything.
pub(super) fn warn_of_unread(unread: &[UnreadList], context: &Context) {
    for list in unread {
        let said = list.notes.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("; ");
        let more = if list.notes.len() > SHOWN { "; …" } else { "" };
        context.output.warning(Warning::SbomIncomplete, format!("`{}`: {said}{more}", list.path));
    }
}
