//! `aisoc plugin new`

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
    let made = scaffold::create(&request)?;
    let directory = path_text(&made.directory);
    context.output.status("Created", format!("{} plugin `{}` ({})", args.plugin_type, made.id, made.files.join(", ")));
    context.output.status("Next", format!("aisoc plugin validate {directory} --load"));
    context.output.answer(&NewPlugin {
        id: made.id,
        plugin_type: args.plugin_type.to_string(),
        directory,
        paths: made.files,
    })
}
