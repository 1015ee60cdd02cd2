//! `aisoc completions`

use aisoc_manifests::fault::Result;
use aisoc_pipeline::documents::CompletionScript;

use crate::args::CompletionsArgs;
use crate::context::Context;
use crate::output::{Answer, Form};

impl Answer for CompletionScript {
    fn text(&self) -> String {
        self.script.clone()
    }

    fn form(&self) -> Form {
        Form::Exact
    }
}

pub(crate) fn run(args: CompletionsArgs, context: &Context) -> Result<u8> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut (context.commands.parser)(), "aisoc", &mut script);
    let script = String::from_utf8(script).expect("names of commands and options are ASCII, their help is UTF-8");
    context.output.answer(&CompletionScript { shell: args.shell.to_string(), script })
}
