//! `aisoc token revoke`

use aisoc_host::access::TokenFile;
use aisoc_manifests::fault::Result;
use aisoc_pipeline::documents::RevokedToken;

use super::{patience, row};
use crate::args::token::RevokeTokenArgs;
use crate::clock;
use crate::context::Context;
use crate::output::{Answer, path_text};

impl Answer for RevokedToken {
    fn text(&self) -> String {
        format!("{}\n", self.record.name)
    }
}

pub(crate) fn run(args: RevokeTokenArgs, context: &Context) -> Result<u8> {
    let (file, now) = (TokenFile::at(args.file.tokens), clock::now());
    let revoked = file.revoke(&args.name, now, context.dry_run().is_on(), &patience(context)?)?;
    let done = context.said("Revoked", "Would revoke");
    context.output.status(done, format!("{}: a host that runs refuses it within a second", revoked.name));
    context.output.answer(&RevokedToken { tokens_path: path_text(file.path()), record: row(&revoked, now) })
}
