//! `aisoc api discover`

use aisoc_host_client::{Act, Request};
use aisoc_manifests::fault::Result;
use aisoc_pipeline::documents::BroughtIn;

use super::{PLUGINS, asking, understood};
use crate::args::api::HostArgs;
use crate::context::Context;
use crate::output::{Answer, printable};

impl Answer for BroughtIn {
    fn text(&self) -> String {
        self.discovered.iter().map(|id| format!("{}\n", printable(id))).collect()
    }
}

pub(crate) fn run(args: HostArgs, context: &Context) -> Result<u8> {
    let path = [&PLUGINS[..], &["discover"]].concat();
    let (place, answer) = asking::ask(args.host, Request::plain(Act::Do, &path), context)?;
    context.output.answer(&understood::<BroughtIn>(&place, answer)?)
}
