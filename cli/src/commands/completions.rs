//! `aisoc completions`

use std::collections::BTreeSet;

use aisoc_manifests::fault::{Reason, Result};
use aisoc_manifests::warning::Warning;
use aisoc_pipeline::documents::CompletionScript;

use super::help;
use crate::args::CompletionsArgs;
use crate::args::known::Known;
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
    clap_complete::generate(args.shell, &mut completed(context), "aisoc", &mut script);
    let script = String::from_utf8(script).expect("names of commands and options are ASCII, their help is UTF-8");
    context.output.answer(&CompletionScript { shell: args.shell.to_string(), script })
}

/// The parser, with the words that are known where any text is taken: pages, codes, and the words of commands.
fn completed(context: &Context) -> clap::Command {
    let commands = context.commands;
    let words: BTreeSet<&str> = (commands.all)().flat_map(|command| command.words).copied().collect();
    // A page can be called as a command is.
    let topics: BTreeSet<&str> = words.iter().copied().chain(help::names()).collect();
    let forms = words.iter().copied().chain(["report"]);
    let codes = Reason::ALL.iter().map(|reason| reason.as_str());
    let codes = codes.chain(Warning::ALL.iter().map(|warning| warning.as_str()));
    [
        ("help", "topic", Known::words(topics)),
        ("schema", "name", Known::words(forms)),
        ("reasons", "code", Known::words(codes)),
    ]
    .into_iter()
    .fold(context.parser(), |parser, (command, argument, known)| {
        parser.mut_subcommand(command, |command| command.mut_arg(argument, |argument| argument.value_parser(known)))
    })
}
