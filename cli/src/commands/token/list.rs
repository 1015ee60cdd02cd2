//! `aisoc token list`

use aisoc_host::access::TokenFile;
use aisoc_manifests::fault::Result;
use aisoc_pipeline::documents::TokenList;

use super::super::columns::Columns;
use super::{allows, row};
use crate::args::token::ListTokensArgs;
use crate::clock;
use crate::context::Context;
use crate::output::{Answer, path_text};

const HEADING: [&str; 6] = ["NAME", "STATE", "ALLOWS", "CREATED", "EXPIRES", "OPERATOR"];

impl Answer for TokenList {
    fn text(&self) -> String {
        let rows: Vec<Vec<String>> = self
            .tokens
            .iter()
            .map(|token| {
                let or_none = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
                let (expires, operator) = (or_none(&token.expires_at), or_none(&token.operator));
                let created = token.created_at.clone();
                vec![token.name.clone(), token.state.to_owned(), allows(token), created, expires, operator]
            })
            .collect();
        let columns = Columns::of(&HEADING, &rows);
        rows.iter().fold(columns.line(&HEADING), |text, row| text + &columns.line(row))
    }
}

pub(crate) fn run(args: ListTokensArgs, context: &Context) -> Result<u8> {
    let (file, now) = (TokenFile::at(args.file.tokens), clock::now());
    let tokens = file.tokens()?.iter().map(|token| row(token, now)).collect();
    context.output.answer(&TokenList { tokens_path: path_text(file.path()), tokens })
}
