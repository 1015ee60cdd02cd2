//! `aisoc token create`

use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;

use aisoc_host::access::{Grant, NewToken, Scope, TokenFile};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::warning::Warning;
use aisoc_pipeline::documents::CreatedToken;

use super::{allows, patience, row};
use crate::args::token::CreateTokenArgs;
use crate::clock;
use crate::context::Context;
use crate::output::{Answer, path_text};

impl Answer for CreatedToken {
    fn text(&self) -> String {
        self.token.as_ref().map(|token| format!("{token}\n")).unwrap_or_default()
    }
}

pub(crate) fn run(args: CreateTokenArgs, context: &Context) -> Result<u8> {
    let (file, now, is_dry) = (TokenFile::at(args.file.tokens), clock::now(), context.dry_run().is_on());
    if !is_dry {
        require_reader()?;
    }
    let grant = args.role.map_or_else(|| Grant::Scopes(distinct(args.scopes)), Grant::Role);
    let expires_at = args.expires.map(|expires| expires.after(now)).transpose()?;
    let new = NewToken { name: args.name, grant, operator: args.operator, tenant: args.tenant, expires_at };
    let made = file.create(new, now, is_dry, &patience(context)?)?;
    let record = row(&made.record, now);
    let until = record.expires_at.as_ref().map(|until| format!(" until {until}")).unwrap_or_default();
    let done = context.said("Created", "Would create");
    context.output.status(done, format!("{} ({}){until}", record.name, allows(&record)));
    if made.record.is_unanswered_for(now) {
        let said = format!("`{}` may change plugins, and nobody answers for it", record.name);
        context.output.warning(Warning::TokenWithoutOperator, said);
    }
    if !is_dry {
        context.output.status("Keep", "it now: it is shown this once, and the file holds its SHA-256 alone");
    }
    let answered = context.output.answer(&CreatedToken {
        // Of a dry run nothing would take it.
        token: (!is_dry).then(|| made.token.text().to_owned()),
        tokens_path: path_text(file.path()),
        record,
    });
    if answered.is_err() && !is_dry {
        // Nobody has seen it whole, and it counts: it would stand in the way of the next one.
        file.revoke(&made.record.name, now, false, &patience(context)?)?;
        context.output.status("Revoked", format!("{}, which could not be shown", made.record.name));
    }
    answered
}

/// Refuses to make a token that nobody would see: a standard output that was closed is the null device to this process.
fn require_reader() -> Result<()> {
    let failed = |error: std::io::Error| Fault::io("look at", Path::new("/dev/stdout"), error);
    let stdout = rustix::fs::fstat(std::io::stdout()).map_err(|error| failed(error.into()))?;
    let null =
        Path::new("/dev/null").metadata().map_err(|error| Fault::io("look at", Path::new("/dev/null"), error))?;
    match stdout.st_rdev == null.rdev() && null.file_type().is_char_device() && stdout.st_rdev != 0 {
        true => Err(Fault::new(Reason::Usage, "the token would be shown to nobody: stdout is closed, or /dev/null")
            .hint("send it where it is kept: end the command with `> ops.token`")),
        false => Ok(()),
    }
}

/// Each once, in the order of their list.
fn distinct(scopes: Vec<Scope>) -> Vec<Scope> {
    Scope::ALL.into_iter().filter(|scope| scopes.contains(scope)).collect()
}
