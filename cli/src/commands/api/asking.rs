//! The client of a host that the arguments and the environment describe.

use std::time::Duration;

use aisoc_host::access::Scope;
use aisoc_host_client::{HostClient, HostPlace, MAX_TOKEN_BYTES, Request, Token};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_registry_client::{CertificateFile, Certificates};
use serde_json::Value;

use crate::args::api::HostPlaceArgs;
use crate::context::Context;
use crate::environment::{CA_FILE, HOST_TOKEN, HOST_URL};
use crate::runtime;
use crate::secret_file::Secret;
use crate::variables::DEFAULT_HOST_URL;

const TOKEN: Secret =
    Secret { name: "token", reason: Reason::NotAuthenticated, max_bytes: MAX_TOKEN_BYTES, ways: TOKEN_WAYS };
const TOKEN_WAYS: &str = "give it with `--token-file FILE`, or in the variable AISOC_HOST_TOKEN";

/// Asks the host that is meant, once.
///
/// # Errors
/// As [`HostClient::ask`]; `usage` for a variable that names no place, `not_authenticated` for what is no token;
/// `interrupted`.
pub(super) fn ask(args: HostPlaceArgs, request: Request<'_>, context: &Context) -> Result<(HostPlace, Value)> {
    let client = client(args, context)?;
    let answer = runtime::block_on(context.cancellation()?, client.ask(request)).map_err(hinted)?;
    Ok((client.place().clone(), answer))
}

/// Who asks the host that is meant.
///
/// # Errors
/// As [`ask`], of what is read before anything is asked.
pub(super) fn client(args: HostPlaceArgs, context: &Context) -> Result<HostClient> {
    let place = place(args.url, context)?;
    let token = token(args.token_file.as_deref(), context)?;
    let named = args.ca_file.map(|path| CertificateFile { named_by: "--ca-file", path });
    let certificates = Certificates {
        added: named.or_else(|| context.environment.certificate_file(CA_FILE)),
        ..context.environment.certificates()
    };
    HostClient::new(place, token, &certificates, Duration::from_secs(args.timeout))
}

/// What a host refuses is about what is there, and not here.
pub(super) fn hinted(refusal: Fault) -> Fault {
    let lacks = |scope: &&Scope| refusal.message().ends_with(scope.as_str());
    match refusal.reason() {
        Reason::PluginNotFound => refusal.hint("see what is there: `aisoc api list`"),
        Reason::NotAuthenticated => refusal.hint(TOKEN_WAYS),
        Reason::PermissionMissing => match Scope::ALL.iter().find(lacks) {
            Some(scope) => refusal.hint(format!(
                "show a token that allows it, `--token-file FILE`: `aisoc token create NAME --scope {} --tokens FILE` \
                 makes one",
                scope.as_str()
            )),
            None => refusal,
        },
        _ => refusal,
    }
}

fn place(named: Option<HostPlace>, context: &Context) -> Result<HostPlace> {
    let text = context.environment.text(HOST_URL)?;
    let parse = |text: &str| {
        text.parse().map_err(|why: String| {
            Fault::new(Reason::Usage, format!("{HOST_URL} names no host: {why}"))
                .hint("name it as an URL, for example `export AISOC_HOST_URL=http://127.0.0.1:8000`")
        })
    };
    named.map_or_else(|| parse(text.as_deref().unwrap_or(DEFAULT_HOST_URL)), Ok)
}

fn token(file: Option<&str>, context: &Context) -> Result<Option<Token>> {
    let Some(path) = file else {
        let Some(found) = Secret::variable(HOST_TOKEN, &context.environment) else { return Ok(None) };
        return Token::read(&found.bytes, "the variable AISOC_HOST_TOKEN").map(Some);
    };
    let cancellation = context.cancellation()?;
    let (found, shown) = match path {
        "-" => (TOKEN.input(cancellation)?, "standard input".to_owned()),
        path => {
            let unreadable = |error| Fault::io("read", path.as_ref(), error).hint(TOKEN_WAYS);
            (TOKEN.file(path, cancellation, unreadable)?, format!("`{path}`"))
        }
    };
    Token::read(&found.bytes, &shown).map(Some)
}
