//! `aisoc plugin new`

use aisoc_files::shell_word;
use aisoc_manifests::fault::Result;
use aisoc_pipeline::documents::NewPlugin;

use crate::args::plugin::NewArgs;
use crate::context::Context;
use crate::output::{Answer, path_text, printable};
use crate::scaffold::{self, Request};

impl Answer for NewPlugin {
    fn text(&self) -> String {
        format!("{}\n", printable(&self.directory))
    }
}

pub(crate) fn run(args: NewArgs, context: &Context) -> Result<u8> {
    let request =
        Request { name: &args.name, plugin_type: args.plugin_type, output_dir: &args.output_dir, author: &args.author };
    let is_dry = context.dry_run().is_on();
    let made = if is_dry { scaffold::foresee(&request) } else { scaffold::create(&request) }?;
    let directory = path_text(&made.directory);
    let verb = if is_dry { "Would create" } else { "Created" };
    context.output.status(verb, format!("{} plugin `{}` ({})", args.plugin_type, made.id, made.files.join(", ")));
    if !is_dry {
        context.output.status("Next", format!("aisoc plugin validate {} --load", shell_word(&directory)));
    }
    context.output.answer(&NewPlugin {
        id: made.id,
        plugin_type: args.plugin_type.to_string(),
        directory,
        paths: made.files,
    })
}
