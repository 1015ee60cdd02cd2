//! A plugin that asks its host whatever a call says, and tells what came of it.

use serde_json::{Value, json};

use super::Bench;
use super::host::ServedHost;

/// Each step is a handle, a method and arguments; what is asked past the context stands on the channel as it is.
pub(crate) const CODE: &str = "from aisoc_context import CapabilityError, HandleError

class Plugin:
    def run(self, payload, context):
        return {'said': [self.step(context, *step) for step in payload.get('steps', [])]}

    def step(self, context, accessor, method=None, arguments={}):
        try:
            handle = getattr(context, accessor)()
            if method is None or handle is None:
                return {'handle': None if handle is None else type(handle).__name__}
            return {'value': getattr(handle, method)(**arguments)}
        except CapabilityError as error:
            return {'denied': str(error)}
        except HandleError as error:
            return {'failed': error.code, 'message': str(error)}
";

/// Puts a signed plugin there whose manifest declares these.
pub(crate) fn put(bench: &Bench, id: &str, capabilities: &[&str], code: &str, key: &str) {
    let manifest = format!(
        "id: {id}\nname: {id}\nversion: \"0.1.0\"\nplugin_type: enricher\ndescription: asks\nauthor: me\n\
         entry_point: plugin.py\ncapabilities: [{}]\n",
        capabilities.join(", ")
    );
    bench.write(&format!("plugins/{id}/plugin.yaml"), manifest);
    bench.write(&format!("plugins/{id}/plugin.py"), code);
    bench.run(&["plugin", "sign", "--plugin-dir", &format!("plugins/{id}"), "--private-key", key]).ok();
}

/// What comes of steps.
#[track_caller]
pub(crate) fn said(host: &ServedHost, id: &str, steps: Value) -> Vec<Value> {
    said_as(host, "", id, steps)
}

/// The same, by whoever has that token.
#[track_caller]
pub(crate) fn said_as(host: &ServedHost, token: &str, id: &str, steps: Value) -> Vec<Value> {
    let head = match token {
        "" => String::new(),
        token => format!("Authorization: Bearer {token}\r\n"),
    };
    let body = json!({ "payload": { "steps": steps } }).to_string();
    let head = format!("Content-Type: application/json\r\n{head}");
    let answered = host.send("POST", &format!("/api/v1/plugins/{id}/run"), &head, &body).ok();
    answered["result"]["said"].as_array().expect("steps").clone()
}
