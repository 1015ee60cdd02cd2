//! `aisoc plugin sbom`

use aisoc_manifests::fault::Result;
use aisoc_manifests::warning::Warning;
use aisoc_pipeline::Sbom;
use aisoc_pipeline::documents::PluginSbom;

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
    for list in &sbom.unread {
        let said = list.notes.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("; ");
        let more = if list.notes.len() > SHOWN { "; …" } else { "" };
        context.output.warning(Warning::SbomIncomplete, format!("`{}`: {said}{more}", list.path));
    }
    context.output.answer(&PluginSbom::from(sbom))
}
