//! What a plugin may know of itself and of its call: its configuration, who calls, and for whom.

use serde_json::{Value, json};

use crate::asking::{Asking, Handle, no_method};
use crate::refusal::{Refusal, Why};

/// Longest name of a setting.
const MAX_NAME_BYTES: usize = 256;

/// `config.read`: the plugin's own, as it is at this moment.
#[derive(Debug)]
pub(crate) struct ConfigReader;

impl Handle for ConfigReader {
    fn answer(&self, asking: &Asking<'_>) -> Result<Value, Refusal> {
        // What is wrong with it names files of the operator's, which are none of the plugin's matters.
        let now = || (asking.plugin.configured)().map_err(|_| Refusal::unavailable("the configuration cannot be read"));
        match asking.method {
            "get" => {
                let name = asking.arguments(&["name"])?.text("name", 1..=MAX_NAME_BYTES)?;
                now()?.remove(name).ok_or_else(|| Refusal::Failed(Why::NotFound, format!("no `{name}` is configured")))
            }
            "all" => {
                asking.arguments(&[])?;
                now().map(Value::Object)
            }
            _ => Err(no_method(&["get", "all"])),
        }
    }
}

/// `identity.read`: who has made this call.
#[derive(Debug)]
pub(crate) struct IdentityReader;

impl Handle for IdentityReader {
    fn answer(&self, asking: &Asking<'_>) -> Result<Value, Refusal> {
        let caller = asking.caller;
        match asking.method {
            "caller" => {
                asking.arguments(&[])?;
                Ok(json!({ "name": caller.name, "kind": caller.kind.as_str(), "request_id": caller.request_id }))
            }
            _ => Err(no_method(&["caller"])),
        }
    }
}

/// `tenant.read`: for whom.
#[derive(Debug)]
pub(crate) struct TenantReader;

impl Handle for TenantReader {
    fn answer(&self, asking: &Asking<'_>) -> Result<Value, Refusal> {
        match asking.method {
            "current" => {
                asking.arguments(&[])?;
                Ok(json!(asking.caller.tenant))
            }
            _ => Err(no_method(&["current"])),
        }
    }
}
