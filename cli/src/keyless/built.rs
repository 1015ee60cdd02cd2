//! Of builds that have it: where the services are, where the token comes from, and by which trusted root what comes of it is
//! judged.

use aisoc_keyless::{
    BearerToken, ExpectedIdentity, IdentityToken, KeylessSigner, LogVersion, MAX_IDENTITY_TOKEN_BYTES, ServiceUrl,
    Services, TokenSource,
};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_pipeline::{AttestOptions, KeylessSigning, UnverifiedBundle};
use aisoc_signing::proof::TrustedRoot;
use futures_util::future::LocalBoxFuture;
use jiff::Timestamp;

use crate::args::attest::{KeylessArgs, RekorVersion};
use crate::context::Context;
use crate::environment::{ACTIONS_ID_TOKEN_REQUEST_TOKEN, ACTIONS_ID_TOKEN_REQUEST_URL, SIGSTORE_ID_TOKEN};
use crate::secret_file::Secret;
use crate::{clock, proofs};

/// Of which nobody sees anything.
const TOKEN: Secret = Secret {
    name: "identity token",
    reason: Reason::IdentityTokenInvalid,
    // With the line break that tools leave behind it.
    max_bytes: MAX_IDENTITY_TOKEN_BYTES + 2,
    ways: "name the file of an identity token with the audience `sigstore`: `--identity-token-file FILE`",
};

#[derive(Debug)]
struct Signer(KeylessSigner);

impl KeylessSigning for Signer {
    fn sign<'a>(
        self: Box<Self>,
        payload_type: &'a str,
        payload: &'a [u8],
    ) -> LocalBoxFuture<'a, Result<UnverifiedBundle>> {
        Box::pin(async move {
            let bundle = self.0.sign(payload_type, payload).await?;
            let signer = (bundle.name, bundle.issuer);
            Ok(UnverifiedBundle { content: bundle.content, identity: bundle.identity, signer })
        })
    }
}

/// Who signs, and by what their bundle is judged.
///
/// # Errors
/// `usage` for a dry run, and for URLs to which no secret may go; `trusted_root_invalid`; `identity_token_invalid` where
/// there is no token, or none that counts; I/O reasons.
pub(crate) fn signer(
    args: &KeylessArgs,
    options: &AttestOptions,
    context: &Context,
) -> Result<(Box<dyn KeylessSigning>, TrustedRoot)> {
    if options.dry_run.is_on() {
        return Err(Fault::new(
            Reason::Usage,
            "what `--keyless` signs is in a public log for good, so nothing of it can be tried",
        )
        .expected("`--keyless` without `--dry-run`", "both")
        .hint("try it with a key: `--private-key KEY`; or against services of your own"));
    }
    let root = proofs::root_of_signer(args.trusted_root.clone(), &context.environment)?;
    let now = clock::now();
    let signer = KeylessSigner {
        services: Services {
            fulcio: url(args.fulcio_url.as_ref(), "--fulcio-url")?,
            rekor: url(args.rekor_url.as_ref(), "--rekor-url")?,
            rekor_version: match args.rekor_version {
                None | Some(RekorVersion::One) => LogVersion::First,
                Some(RekorVersion::Two) => LogVersion::Second,
            },
            timestamp_authority: args.timestamp_server_url.as_ref().map(|text| text.parse()).transpose()?,
        },
        source: source(args, now, context)?,
        expected: ExpectedIdentity {
            name: args.certificate_identity.clone(),
            issuer: args.certificate_oidc_issuer.clone(),
        },
        options: options.client.clone(),
        now,
    };
    Ok((Box::new(Signer(signer)), root))
}

fn url(text: Option<&String>, option: &str) -> Result<ServiceUrl> {
    let needed =
        || Fault::new(Reason::Usage, format!("`--keyless` needs `{option}`")).expected(option.to_owned(), "none");
    text.ok_or_else(needed)?.parse()
}

/// What was named before what the job has: a file, a variable, what GitHub gives a job that may ask.
fn source(args: &KeylessArgs, now: Timestamp, context: &Context) -> Result<TokenSource> {
    if let Some(path) = &args.identity_token_file {
        let unread = |error| Fault::io("read the identity token from", path.as_ref(), error);
        let bytes = TOKEN.file(path, context.cancellation()?, unread)?.refuse_exposed()?;
        return IdentityToken::read(&bytes, &format!("`{path}`"), now).map(TokenSource::Given);
    }
    let set = |name| Secret::variable(name, &context.environment).filter(|found| !found.bytes.is_empty());
    if let Some(found) = set(SIGSTORE_ID_TOKEN) {
        return IdentityToken::read(&found.bytes, SIGSTORE_ID_TOKEN, now).map(TokenSource::Given);
    }
    match (context.environment.text(ACTIONS_ID_TOKEN_REQUEST_URL)?, set(ACTIONS_ID_TOKEN_REQUEST_TOKEN)) {
        (Some(url), Some(found)) => Ok(TokenSource::GitHub { url, bearer: BearerToken::new(found.bytes) }),
        (url, _) => Err(no_token(url.is_some())),
    }
}

fn no_token(has_url: bool) -> Fault {
    let both = format!("{ACTIONS_ID_TOKEN_REQUEST_URL} with {ACTIONS_ID_TOKEN_REQUEST_TOKEN}");
    let found = if has_url { format!("{ACTIONS_ID_TOKEN_REQUEST_URL} alone") } else { "none of them".to_owned() };
    Fault::new(Reason::IdentityTokenInvalid, "there is no identity token to sign by")
        .expected(format!("`--identity-token-file FILE`, {SIGSTORE_ID_TOKEN}, or {both}"), found)
}
