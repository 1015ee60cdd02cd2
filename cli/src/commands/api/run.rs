//! `aisoc api run`

use aisoc_host_client::{Act, Request};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::shown;
use aisoc_pipeline::documents::CalledPlugin;
use aisoc_worker::serving::MAX_CALL_BYTES;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::super::host_rules;
use super::{PLUGINS, asking, hosted_id, understood};
use crate::args::api::CallArgs;
use crate::context::Context;
use crate::output::{Answer, Form};
use crate::secret_file::Secret;

impl Answer for CalledPlugin {
    /// What the plugin returned, for whoever reads on.
    fn text(&self) -> String {
        format!("{:#}\n", Value::Object(self.result.clone()))
    }

    fn form(&self) -> Form {
        Form::Json
    }
}

pub(crate) fn run(args: CallArgs, context: &Context) -> Result<u8> {
    if args.payload == "@-" && args.context == "@-" {
        return Err(Fault::new(Reason::Usage, "standard input cannot be both, the payload and the context"));
    }
    let body = json!({
        "payload": object("--payload", &args.payload, context)?,
        "context": object("--context", &args.context, context)?,
    });
    let id = hosted_id(&args.id)?;
    host_rules::require_call(id.as_str(), context)?;
    let path = [&PLUGINS[..], &[id.as_str(), "run"]].concat();
    let expected = args.expect_type.map(|expected| ("expect_type", expected.as_str()));
    let request = Request { body: Some(body), query: expected.as_slice(), ..Request::plain(Act::Do, &path) };
    let (place, answer) = asking::ask(args.host, request, context)?;
    context.output.answer(&understood::<CalledPlugin>(&place, answer)?)
}

/// The object that an option gives.
pub(super) fn object(option: &'static str, given: &str, context: &Context) -> Result<Map<String, Value>> {
    read(option, "object", given, context)
}

/// The value that an option gives, of whatever form.
pub(super) fn value(option: &'static str, given: &str, context: &Context) -> Result<Value> {
    read(option, "value", given, context)
}

/// What an option gives. It may hold what nobody else should see, so no message shows any of it.
fn read<T: DeserializeOwned>(option: &'static str, what: &str, given: &str, context: &Context) -> Result<T> {
    const WAYS: &str = "give one as `--payload '{\"indicator\": \"203.0.113.7\"}'`, or in a file: `--payload @FILE`";
    let (cancellation, name) = (context.cancellation()?, option.trim_start_matches('-'));
    let source = Secret { name, reason: Reason::Usage, max_bytes: MAX_CALL_BYTES, ways: WAYS };
    let unread = |error: serde_json::Error| {
        let (line, column) = (error.line(), error.column());
        let what = format!("`{option}` is no JSON {what}, from line {line}, column {column} on");
        Fault::new(Reason::Usage, what).hint(WAYS)
    };
    match given.strip_prefix('@') {
        None => serde_json::from_str(given).map_err(unread),
        Some("-") => serde_json::from_slice(&source.input(cancellation)?.bytes).map_err(unread),
        Some(path) => {
            let unreadable = |error| Fault::io("read", shown(path, 400).as_ref(), error).hint(WAYS);
            serde_json::from_slice(&source.file(path, cancellation, unreadable)?.bytes).map_err(unread)
        }
    }
}
