//! What plugins get of their host while they are called: by what their manifest declares, on behalf of who calls.

mod support;

use std::fs;

use aisoc_manifests::capability::Capability;
use serde_json::{Value, json};
use support::asking::{CODE, put, said, said_as};
use support::host::{ServedHost, bench, command, has_python};
use support::{Bench, Run};

/// What the host gives at all.
const PROVIDED: [&str; 9] = [
    "facts.read",
    "facts.write",
    "recall.read",
    "recall.write",
    "audit.emit",
    "audit.read",
    "config.read",
    "identity.read",
    "tenant.read",
];

fn denial(id: &str, capability: Capability) -> Value {
    let accessor = capability.accessor();
    json!({ "denied": format!("plugin '{id}' cannot call {accessor}: capability '{capability}' not declared") })
}

/// A token of the bench that may call plugins, for a tenant or for none.
fn token(bench: &Bench, name: &str, tenant: Option<&str>) -> String {
    let words =
        ["token", "create", name, "--scope", "plugins:execute", "--scope", "plugins:read", "--tokens", "tokens.json"];
    let tenant = tenant.map(|tenant| vec!["--tenant", tenant]).unwrap_or_default();
    bench.run(&[&words[..], &tenant].concat()).ok().stdout.trim().to_owned()
}

#[test]
fn each_of_thirteen_accessors_gives_what_is_declared_and_nothing_else() {
    if !has_python() {
        return;
    }
    let bench = bench();
    put(&bench, "example-plugin", &[], CODE, "release.key");
    let all: Vec<&str> = Capability::ALL.iter().map(|capability| capability.as_str()).collect();
    put(&bench, "everything", &all, CODE, "release.key");
    for capability in Capability::ALL {
        let id = format!("only-{}", capability.as_str().replace('.', "-"));
        put(&bench, &id, &[capability.as_str(), "files"], CODE, "release.key");
    }
    let host = ServedHost::start(&bench, &[]);
    let steps: Vec<Value> = Capability::ALL.iter().map(|capability| json!([capability.accessor()])).collect();
    let given = |capability: &Capability| match PROVIDED.contains(&capability.as_str()) {
        true => json!({ "handle": "Handle" }),
        false => json!({ "handle": null }),
    };
    // Nothing is granted by default, and what is granted to another plugin is not granted here.
    let denied = said(&host, "example-plugin", json!(steps));
    assert_eq!(denied, Capability::ALL.iter().map(|one| denial("example-plugin", *one)).collect::<Vec<_>>());
    let text = "plugin 'example-plugin' cannot call get_facts_reader: capability 'facts.read' not declared";
    assert_eq!(denied[0], json!({ "denied": text }));
    let granted = said(&host, "everything", json!(steps));
    assert_eq!(granted, Capability::ALL.iter().map(given).collect::<Vec<_>>());
    for one in Capability::ALL {
        let id = format!("only-{}", one.as_str().replace('.', "-"));
        let expected: Vec<Value> =
            Capability::ALL.iter().map(|other| if other == one { given(other) } else { denial(&id, *other) }).collect();
        assert_eq!(said(&host, &id, json!(steps)), expected, "{one}");
    }
}

/// What a plugin finds at an accessor is what its host answers to, whichever of the two was changed.
#[test]
fn each_accessor_has_the_methods_that_the_host_has_and_no_other() {
    if !has_python() {
        return;
    }
    let bench = bench();
    let code = "from aisoc_context import HandleError

class Plugin:
    def run(self, payload, context):
        return {'said': [self.of(context, *step) for step in payload['steps']]}

    def of(self, context, accessor, capability):
        handle = getattr(context, accessor)()
        try:
            context._ask(capability, 'nonsense', {})
        except HandleError as error:
            return [dir(handle), str(error)]
";
    let all: Vec<&str> = Capability::ALL.iter().map(|capability| capability.as_str()).collect();
    put(&bench, "looks", &all, code, "release.key");
    let provider = format!("address = \"unix:{}\"\n", bench.path("none.sock").display());
    bench.write(
        "plugins.toml",
        format!(
            "[handles.providers.federation]\n{provider}[handles.providers.tenant]\n{provider}\
             [handles.outbound.looks]\ndestinations = [\"https://a.example\"]\n"
        ),
    );
    let host = ServedHost::ready(&mut command(&bench, &["--config", "plugins.toml"]));
    let steps: Vec<Value> =
        Capability::ALL.iter().map(|capability| json!([capability.accessor(), capability.as_str()])).collect();
    for (capability, came) in Capability::ALL.iter().zip(said(&host, "looks", json!(steps))) {
        let (of_plugin, of_host) = (&came[0], came[1].as_str().expect("a text"));
        let methods = of_host.strip_prefix("its methods are `").and_then(|rest| rest.strip_suffix('`')).expect(of_host);
        let mut methods: Vec<&str> = methods.split("`, `").collect();
        methods.sort_unstable();
        assert_eq!(*of_plugin, json!(methods), "{capability}");
    }
}

#[test]
fn whoever_asks_past_the_accessors_is_answered_by_the_host_as_everybody_is() {
    if !has_python() {
        return;
    }
    let bench = bench();
    let code = "import gc
class Plugin:
    def run(self, payload, context):
        channel = next(found for found in gc.get_objects() if type(found).__name__ == 'Channel')
        return {'said': [self.step(channel, context._call, *step) for step in payload['steps']]}
    def step(self, channel, call, handle, method, arguments):
        try:
            return channel.ask(call, handle, method, arguments)
        except PermissionError as error:
            return {'denied': str(error)}
        except RuntimeError as error:
            return {'failed': error.code}
";
    put(&bench, "sly", &["audit.emit"], code, "release.key");
    let host = ServedHost::start(&bench, &[]);
    let steps = json!([
        ["audit.read", "read", {}],
        ["audit.read", "open", {}],
        ["facts.read", "nonsense", {"a": 1}],
        ["audit.emit", "emit", {"event": "told"}],
        ["audit.emit", "nonsense", {}],
        ["audit.emit", "emit", {"event": "told", "plugin": "other"}],
        ["audit.emit", "emit", {"event": "plugin.registered"}],
        ["AUDIT.EMIT", "emit", {"event": "told"}],
        ["files", "open", {}],
        ["", "", {}],
        ["a".repeat(50_000), "open", {}],
    ]);
    let failed = json!({ "failed": "invalid_argument" });
    let expected = [
        denial("sly", Capability::AuditRead),
        denial("sly", Capability::AuditRead),
        denial("sly", Capability::FactsRead),
        json!(2),
        failed.clone(),
        failed.clone(),
        failed.clone(),
        failed.clone(),
        failed.clone(),
        failed.clone(),
        failed,
    ];
    // The first line is that of the denial, which is written down once in a while.
    let came = said(&host, "sly", steps);
    // One line for each denial that is the first of its kind.
    assert_eq!(came, [&expected[..3], &[json!(3)], &expected[4..]].concat());
    let log = fs::read_to_string(bench.path("host.context/audit.jsonl")).expect("a log");
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let events: Vec<_> = lines.iter().map(|line| (&line["event"], &line["outcome"], &line["metadata"])).collect();
    assert_eq!(
        events,
        [
            (&json!("plugin.capability_denied"), &json!("denied"), &json!({"capability": "audit.read"})),
            (&json!("plugin.capability_denied"), &json!("denied"), &json!({"capability": "facts.read"})),
            (&json!("told"), &json!("success"), &json!({})),
        ]
    );
}

#[test]
fn what_is_told_of_a_call_is_that_of_whoever_has_made_it() {
    if !has_python() {
        return;
    }
    let bench = bench();
    let all = ["identity.read", "tenant.read", "audit.emit", "audit.read"];
    put(&bench, "asks", &all, CODE, "release.key");
    put(&bench, "other", &all, CODE, "release.key");
    let tokens = [("one", Some("acme")), ("two", Some("globex")), ("three", None)];
    let tokens = tokens.map(|(name, tenant)| (name, tenant, token(&bench, name, tenant)));
    bench.run(&["token", "create", "four", "--role", "admin", "--tenant", "Acme"]).refused(2, "usage");
    let host = ServedHost::start(&bench, &["--tokens", "tokens.json"]);
    for (name, tenant, token) in &tokens {
        let steps = json!([
            ["get_identity_reader", "caller"],
            ["get_tenant_reader", "current"],
            ["get_audit_emitter", "emit", {"event": format!("told.by.{name}"), "target": "here", "metadata": {"a": 1}}],
        ]);
        let mut came = said_as(&host, token, "asks", steps);
        assert!(came[0]["value"]["request_id"].is_string(), "{came:?}");
        came[0]["value"]["request_id"] = Value::Null;
        assert_eq!(came[0]["value"], json!({ "name": name, "kind": "token", "request_id": null }));
        assert_eq!(came[1]["value"], json!(tenant));
    }
    // A plugin that nobody has granted anything of another one's sees what is of the tenant that it is called for.
    let events = |token: &str, id: &str| {
        let came = said_as(&host, token, id, json!([["get_audit_reader", "read", {"limit": 100}]]));
        let lines = came[0]["value"]["lines"].as_array().expect("lines").clone();
        lines.iter().map(|line| line["event"].as_str().expect("a name").to_owned()).collect::<Vec<_>>()
    };
    let [(_, _, acme), (_, _, globex), (_, _, none)] = &tokens;
    assert_eq!(
        (events(acme, "asks"), events(acme, "other")),
        (vec!["told.by.one".to_owned()], vec!["told.by.one".to_owned()])
    );
    assert_eq!(events(globex, "other"), ["told.by.two"]);
    assert_eq!((events(none, "asks"), events(none, "other")), (vec!["told.by.three".to_owned()], vec![]));
}

#[test]
fn an_operator_says_who_reads_every_line_and_what_is_said_otherwise_is_refused() {
    if !has_python() {
        return;
    }
    let bench = bench();
    put(&bench, "reports", &["audit.emit"], CODE, "release.key");
    put(&bench, "watches", &["audit.read", "config.read"], CODE, "release.key");
    bench.write("plugins.toml", "[plugins.watches]\na = 1\n[handles]\nread_all_audit = [\"watches\"]\n");
    let host = ServedHost::ready(&mut command(&bench, &["--config", "plugins.toml"]));
    said(&host, "reports", json!([["get_audit_emitter", "emit", {"event": "told"}]]));
    let came = said(&host, "watches", json!([["get_audit_reader", "read"], ["get_config_reader", "all"]]));
    assert_eq!(came[0]["value"]["lines"][0]["plugin"], "reports");
    assert_eq!(came[1]["value"], json!({ "a": 1 }));
    // As it is at this moment: a secret that was replaced is had without a reload.
    bench.write("plugins.toml", "[plugins.watches]\na = 2\n");
    let steps = json!([["get_config_reader", "get", {"name": "a"}], ["get_config_reader", "get", {"name": "b"}]]);
    let came = said(&host, "watches", steps);
    assert_eq!((&came[0]["value"], &came[1]["failed"]), (&json!(2), &json!("not_found")));
    bench.write("plugins.toml", "nonsense");
    let came = said(&host, "watches", json!([["get_config_reader", "all"]]));
    assert_eq!(came[0], json!({ "failed": "unavailable", "message": "the configuration cannot be read" }));
    drop(host);
    bench.write("plugins.toml", "[handles]\nread_all_audits = []\n");
    Run::of(&mut command(&bench, &["--config", "plugins.toml"])).refused(1, "configuration_invalid");
}
