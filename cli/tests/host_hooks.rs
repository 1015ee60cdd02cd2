//! Hooks of a host: plugins of Stigmem are registered when it starts, and whoever may fire a hook is told what it comes to.

mod support;

use std::fs;
use std::io::Write as _;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::Bench;
use support::hooks::{HEAD, fire, fired, handler, plugin, serving, write};
use support::host::{ServedHost, bench, has_python};

fn start(bench: &Bench) -> ServedHost {
    ServedHost::ready(&mut serving(bench, &[]))
}

/// What happened, of that name, oldest first.
fn events(bench: &Bench, name: &str) -> Vec<Value> {
    let text = fs::read_to_string(bench.path("events.jsonl")).unwrap_or_default();
    let events = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line of JSON"));
    events.filter(|event| event["event"] == name).collect()
}

fn metric(host: &ServedHost, line: &str) -> bool {
    host.get("/metrics").text.lines().any(|found| found == line)
}

/// S36: the first that denies.
#[test]
fn the_first_handler_that_denies_ends_a_vote() {
    if !has_python() {
        return;
    }
    let bench = bench();
    let vote = "def vote(ctx, *, source=None, **rest):\n if source == ctx.plugin_name: return Deny('not ' + source)\n return Allow()\n";
    plugin(&bench, "aaa-guard", vote, "'pre_assert_authorize': vote", "");
    let late =
        vote.replace("def vote", "async def vote").replace("return Deny('not ' + source)", "raise RejectError('late')");
    plugin(&bench, "bbb-guard", &late, "'pre_assert_authorize': vote", "");
    let host = start(&bench);
    let decide = |source: &str| fired(&host, "pre_assert_authorize", &json!({ "payload": { "source": source } }));
    let (hook, semantic) = ("pre_assert_authorize", "voting");
    let allowed = [handler("aaa-guard", "vote", "allow"), handler("bbb-guard", "vote", "allow")];
    assert_eq!(
        decide("agent:a"),
        json!({ "hook": hook, "semantic": semantic, "decision": "allow", "handlers": allowed })
    );
    let denied = decide("aaa-guard");
    assert_eq!((&denied["decision"], &denied["reason"]), (&json!("deny"), &json!("not aaa-guard")));
    assert_eq!(denied["handlers"].as_array().map(Vec::len), Some(1), "nobody behind it is asked");
    let late = decide("bbb-guard");
    assert_eq!((&late["decision"], &late["reason"]), (&json!("deny"), &json!("late")));
    assert_eq!(
        late["handlers"][1],
        json!({ "name": "bbb-guard.vote", "plugin_id": "bbb-guard", "outcome": "deny", "message": "late" })
    );
    // Nobody is registered at this one.
    assert_eq!(fired(&host, "capability_check", &json!({}))["decision"], "allow");
    let told = events(&bench, "plugin.handler_denied");
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(told[0]["outcome"], json!({ "status": "failure", "reason": "not aaa-guard", "exception_type": null }));
    assert_eq!(
        told[0]["metadata"],
        json!({ "plugin_name": "aaa-guard", "hook": hook, "handler_name": "aaa-guard.vote", "reason": "not aaa-guard" })
    );
    assert!(metric(&host, "aisoc_plugin_hook_fire_total{hook=\"pre_assert_authorize\"} 3"));
    assert!(metric(&host, "aisoc_plugin_voting_decision_total{hook=\"pre_assert_authorize\",decision=\"deny\"} 2"));
    let invoked = "aisoc_plugin_handler_invocation_total{hook=\"pre_assert_authorize\",plugin=\"bbb-guard\"} 2";
    assert!(metric(&host, invoked), "{}", host.get("/metrics").text);
    assert!(metric(&host, "aisoc_plugin_registered_count 2"));
    assert!(metric(&host, "aisoc_plugin_handlers_per_hook{hook=\"pre_assert_authorize\"} 2"));
}

/// S36: threading, summing, and what is no value; S20.
#[test]
fn a_value_goes_through_all_handlers_and_deltas_are_added_up() {
    if !has_python() {
        return;
    }
    let bench = bench();
    let functions = "def tidy(ctx, value, **rest):\n if value == 'none': return None\n if value == 'raise': raise ValueError('no disk')\n \
                     if value == 'deny': return ctx.get_facts_reader()\n return value + [ctx.plugin_name, rest['n']]\n\
                     def rank(ctx, results, **rest): return {result['id']: 0.5 for result in results} if results else [1]\n";
    for name in ["aaa-tidy", "bbb-tidy"] {
        plugin(&bench, name, functions, "'recall_filter': tidy, 'recall_rank': rank", "");
    }
    let host = start(&bench);
    let (n, filter) = (json!({ "n": 7 }), "recall_filter");
    let of = |value: Value| fire(&host, filter, &json!({ "value": value, "payload": n }));
    assert_eq!(of(json!([1])).ok()["value"], json!([1, "aaa-tidy", 7, "bbb-tidy", 7]));
    let refused = |value: &str, detail: &str| of(json!(value)).refused(422, "execution_failed", detail);
    refused("none", "handler 'aaa-tidy.tidy' returned None for filter-chain hook 'recall_filter'");
    refused("raise", "handler 'aaa-tidy.tidy' failed for hook 'recall_filter': no disk");
    refused(
        "deny",
        "handler 'aaa-tidy.tidy' failed for hook 'recall_filter': plugin 'aaa-tidy' cannot call get_facts_reader: capability 'facts.read' not declared",
    );
    let ranked = fired(&host, "recall_rank", &json!({ "value": [{ "id": "x" }, { "id": "y" }] }));
    assert_eq!(ranked["score_deltas"], json!({ "x": 1.0, "y": 1.0 }));
    let none = fire(&host, "recall_rank", &json!({ "value": [] }));
    none.refused(422, "execution_failed", "handler 'aaa-tidy.rank' returned list; expected dict[str, float]");
    // It is fired as what it is, or not at all.
    for (hook, body) in [
        (filter, json!({})),
        (filter, json!({ "value": null })),
        ("recall_rank", json!({ "value": {} })),
        ("audit_emit", json!({ "value": 1 })),
    ] {
        fire(&host, hook, &body).refused_for(400, "other_hook_semantic");
    }
    let other = host.post_json("/api/v1/hooks/recall_filter?expect_semantic=voting", &json!({ "value": 1 }));
    other.refused(400, "other_hook_semantic", "hook 'recall_filter' has semantic filter_chain; cannot fire as voting");
    let told = events(&bench, "plugin.handler_error");
    let types: Vec<&str> = told.iter().filter_map(|event| event["metadata"]["error_type"].as_str()).collect();
    assert_eq!(types, ["PluginExecutionError", "ValueError", "CapabilityError", "PluginExecutionError"]);
    assert_eq!(
        (&told[1]["actor_uri"], &told[1]["target_uri"]),
        (&json!("system:plugin-registry"), &json!("plugin:aaa-tidy"))
    );
    assert_eq!(told[1]["outcome"]["exception_type"], "ValueError");
    let failed =
        "aisoc_plugin_handler_error_total{hook=\"recall_filter\",plugin=\"aaa-tidy\",error_type=\"ValueError\"} 1";
    assert!(metric(&host, failed));
}

/// S21, S22.
#[test]
fn who_is_only_told_may_fail_but_not_where_it_is_written_down() {
    if !has_python() {
        return;
    }
    let bench = bench();
    let hooks = "'post_assert_persist': told, 'audit_emit': told, 'post_assert_audit': told, 'post_recall_audit': told";
    plugin(&bench, "aaa-fails", "def told(ctx, **rest): raise OSError('no disk')\n", hooks, "");
    plugin(&bench, "bbb-told", "def told(ctx, **rest): print('told', rest.get('n'), flush=True)\n", hooks, "");
    let host = start(&bench);
    let told = fired(&host, "post_assert_persist", &json!({ "payload": { "n": 4711 } }));
    assert_eq!(told["handlers"][0]["outcome"], "failed");
    assert_eq!(told["handlers"][0]["error_type"], "OSError");
    assert_eq!(told["handlers"][1], handler("bbb-told", "told", "returned"));
    host.wait_for(|host| host.said().contains("told 4711"));
    for hook in ["post_assert_audit", "post_recall_audit", "audit_emit"] {
        let detail = format!("handler 'aaa-fails.told' failed for audit hook '{hook}': no disk");
        fire(&host, hook, &json!({})).refused(422, "execution_failed", &detail);
    }
    let failed = events(&bench, "plugin.handler_error");
    assert!(failed.iter().any(|event| event["metadata"]["hook"] == "post_assert_persist"), "{failed:?}");
}

/// S37: longer than it may be, and a handler that hangs.
#[test]
fn a_handler_has_its_time_and_no_more() {
    if !has_python() {
        return;
    }
    let bench = bench();
    let hooks = "'pre_assert_authorize': vote";
    let with =
        |seconds: &str, body: &str| format!("def vote(ctx, **rest):\n {body}\nvote.__plugin_timeout__ = {seconds}\n");
    for (name, seconds) in [("aaa-long", "31"), ("bbb-never", "0"), ("ccc-most", "30")] {
        plugin(&bench, name, &with(seconds, "return Allow()"), hooks, "");
    }
    let hangs = "import asyncio\n await asyncio.sleep(60)";
    plugin(&bench, "ddd-hangs", &with("0.25", hangs).replace("def vote", "async def vote"), hooks, "");
    plugin(&bench, "eee-spins", &with("0.25", "while rest: pass\n return Allow()"), "'capability_check': vote", "");
    plugin(&bench, "fff-fine", &with("1", "return Allow()"), "'capability_check': vote", "");
    let host = start(&bench);
    for (name, words) in
        [("aaa-long", "handler timeout cannot exceed 30 seconds"), ("bbb-never", "handler timeout must be positive")]
    {
        let shown = host.plugin(name);
        assert!(
            shown["state"] == "failed" && shown["error"].as_str().is_some_and(|why| why.contains(words)),
            "{shown}"
        );
    }
    let listed = host.get("/api/v1/hooks").ok();
    let voting = listed["hooks"].as_array().expect("hooks").iter().find(|hook| hook["name"] == "pre_assert_authorize");
    let seconds: Vec<f64> = voting.expect("listed")["handlers"]
        .as_array()
        .expect("handlers")
        .iter()
        .filter_map(|handler| handler["timeout_seconds"].as_f64())
        .collect();
    assert_eq!(seconds, [30.0, 0.25]);
    let begun = Instant::now();
    let late = "handler 'ddd-hangs.vote' timed out for hook 'pre_assert_authorize' after 0.250s";
    fire(&host, "pre_assert_authorize", &json!({})).refused(422, "execution_failed", late);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert_eq!(host.plugin("ddd-hangs")["state"], "enabled", "it has let go of it");
    // One that does not let go is ended, and comes back; nobody else is touched.
    let late = "handler 'eee-spins.vote' timed out for hook 'capability_check' after 0.250s";
    fire(&host, "capability_check", &json!({ "payload": { "n": 1 } })).refused(422, "execution_failed", late);
    assert_eq!(host.plugin("fff-fine")["state"], "enabled");
    host.wait_for(|host| fire(host, "capability_check", &json!({})).status == 200);
    assert!(metric(
        &host,
        "aisoc_plugin_handler_error_total{hook=\"capability_check\",plugin=\"eee-spins\",error_type=\"timeout\"} 1"
    ));
}

/// S38.
#[test]
fn who_was_not_there_when_the_host_started_comes_no_more() {
    if !has_python() {
        return;
    }
    let bench = bench();
    plugin(&bench, "aaa-first", "def vote(ctx, **rest): return Allow()\n", "'config_validate': vote", "");
    let host = start(&bench);
    assert_eq!(host.get("/api/v1/hooks").ok()["is_frozen"], true);
    plugin(&bench, "bbb-late", "def vote(ctx, **rest): return Deny('no')\n", "'capability_check': vote", "");
    assert_eq!(host.post("/api/v1/plugins/discover", "").ok(), json!({ "discovered": [] }));
    let late = host.plugin("bbb-late");
    assert_eq!(
        (&late["state"], &late["error"]),
        (&json!("failed"), &json!("registry is frozen; cannot register handlers"))
    );
    assert_eq!(fired(&host, "capability_check", &json!({}))["decision"], "allow");
    // Who was there comes back.
    assert_eq!(host.delete("/api/v1/plugins/aaa-first").status, 204);
    assert_eq!(host.get("/api/v1/hooks").ok()["plugins"], json!([]));
    assert_eq!(host.post("/api/v1/plugins/discover", "").ok(), json!({ "discovered": ["aaa-first"] }));
    assert_eq!(host.get("/api/v1/hooks").ok()["plugins"][0]["plugin_id"], "aaa-first");
    drop(host);
    assert_eq!(fired(&start(&bench), "capability_check", &json!({}))["decision"], "deny");
}

/// S39.
#[test]
fn plugins_are_registered_behind_what_they_need_or_not_at_all() {
    if !has_python() {
        return;
    }
    let bench = bench();
    let needs = |name: &str, of: &str| plugin(&bench, name, "", "", &format!(", depends_on={{{of}}}"));
    needs("aaa-top", "'ccc-base', 'bbb-middle'");
    needs("bbb-middle", "'ccc-base'");
    plugin(&bench, "ccc-base", "", "", "");
    needs("ddd-lacks", "'zzz-absent', 'yyy-absent'");
    needs("eee-one", "'fff-other'");
    needs("fff-other", "'eee-one'");
    let host = start(&bench);
    let registered: Vec<Value> =
        events(&bench, "plugin.registered").iter().map(|event| event["metadata"]["plugin_name"].clone()).collect();
    assert_eq!(registered, ["ccc-base", "bbb-middle", "aaa-top"]);
    let error = |name: &str| host.plugin(name)["error"].as_str().expect("why").to_owned();
    assert_eq!(error("ddd-lacks"), "missing plugin dependencies: ddd-lacks missing yyy-absent, zzz-absent");
    for name in ["eee-one", "fff-other"] {
        assert_eq!(error(name), "plugin dependency cycle detected: eee-one -> fff-other -> eee-one");
    }
}

/// S40.
#[test]
fn a_manifest_is_of_the_form_that_it_has_to_have() {
    if !has_python() {
        return;
    }
    let bench = bench();
    let manifest =
        |name: &str, fields: &str| write(&bench, name, &format!("{HEAD}def manifest(): return dict({fields})\n"));
    manifest("aaa-name", "name='Aaa', version='1.0.0'");
    manifest("bbb-version", "name='bbb-version', version='1'");
    manifest("ccc-form", "name='ccc-form', version='1.0.0', requires_stigmem='1'");
    manifest("ddd-newer", "name='ddd-newer', version='1.0.0', requires_stigmem='>=1.0'");
    manifest("eee-hook", "name='eee-hook', version='1.0.0', hooks={'recall_filtre': print}");
    manifest("fff-arity", "name='fff-arity', version='1.0.0', hooks={'recall_filter': lambda ctx: 1}");
    manifest("ggg-call", "name='ggg-call', version='1.0.0', hooks={'recall_filter': 1}");
    manifest("hhh-fine", "name='hhh-fine', version='1.0.0', requires_stigmem='>=0.9.0a1,<1'");
    let host = start(&bench);
    for (name, words) in [
        ("aaa-name", "the manifest's name is not of the form"),
        ("bbb-version", "the manifest's version is not of the form"),
        ("ccc-form", "the manifest's requires_stigmem is not of the form"),
        ("ddd-newer", "plugin 'ddd-newer' requires stigmem '>=1.0', but current version is 0.9.0a10"),
        ("eee-hook", "unknown plugin hooks: recall_filtre"),
        (
            "fff-arity",
            "handler for hook 'recall_filter' on plugin 'fff-arity' must accept at least 2 positional arguments",
        ),
        ("ggg-call", "handler for hook 'recall_filter' is not callable"),
    ] {
        let shown = host.plugin(name);
        assert!(
            shown["state"] == "failed" && shown["error"].as_str().is_some_and(|why| why.contains(words)),
            "{shown}"
        );
    }
    assert_eq!(host.plugin("hhh-fine")["state"], "enabled");
}

/// S41 and S28.
#[test]
fn every_registration_is_told_with_why_and_by_whose_word() {
    if !has_python() {
        return;
    }
    let bench = bench();
    let core = "def judge(ctx, *, plugin): return Deny('not here') if plugin.name == 'bbb-denied' else Allow()\n";
    plugin(&bench, "aaa-judge", core, "'config_validate': judge", ", capabilities={'audit.emit'}, async_safe=False");
    plugin(&bench, "bbb-denied", "", "", "");
    let own = |name: &str, body: &str| {
        plugin(&bench, name, &format!("def own(ctx, *, plugin): {body}\n"), "'config_validate': own", "");
    };
    own("ccc-denies", "return Deny('no ' + plugin.version)");
    own("ddd-raises", "raise ValueError('no disk')");
    own("eee-returns", "return 5");
    own("fff-fine", "return Allow()");
    write(
        &bench,
        "ggg-other",
        &format!("{HEAD}def manifest(): return PluginManifest(name='fff-fine', version='2.0.0')\n"),
    );
    write(
        &bench,
        "hhh-wrong",
        &format!("{HEAD}def manifest(): return PluginManifest(name='hhh-wrong', version='x')\n"),
    );
    let sink = "def keep(ctx, *, event): print('AUDIT', event.event_type, event.outcome.status, event.metadata.plugin_name, flush=True)\n";
    plugin(&bench, "iii-sink", sink, "'audit_emit': keep", "");
    let host = start(&bench);
    let failed: Vec<(String, String)> = events(&bench, "plugin.registration_failed")
        .iter()
        .map(|event| {
            let text = |name: &str| event["metadata"][name].as_str().expect("a text").to_owned();
            assert_eq!(event["outcome"]["reason"], event["metadata"]["reason"], "{event}");
            (
                event["plugin_id"].as_str().expect("an id").to_owned(),
                format!("{}: {}", text("reason"), text("validation_failure")),
            )
        })
        .collect();
    let why = |id: &str| failed.iter().find(|(plugin, _)| plugin == id).map(|(_, why)| why.as_str()).expect(id);
    assert_eq!(why("bbb-denied"), "config_validate: plugin 'bbb-denied' failed config validation: not here");
    assert_eq!(why("ccc-denies"), "config_validate: plugin 'ccc-denies' failed config validation: no 1.0.0");
    assert_eq!(why("ddd-raises"), "config_exception: plugin 'ddd-raises' config validator failed: no disk");
    assert_eq!(
        why("eee-returns"),
        "config_result: plugin 'eee-returns' config validator returned int; expected Allow or Deny"
    );
    assert!(why("fff-fine").starts_with("duplicate: "), "{failed:?}");
    assert!(why("hhh-wrong").starts_with("manifest_invalid: the manifest's version "), "{failed:?}");
    assert_eq!(host.plugin("eee-returns")["state"], "failed");
    for reason in ["duplicate", "manifest_invalid", "config_validate", "config_exception", "config_result"] {
        let count = if reason == "config_validate" { 2 } else { 1 };
        let line = format!("aisoc_plugin_registration_total{{outcome=\"failure\",reason=\"{reason}\"}} {count}");
        assert!(metric(&host, &line), "{line}: {}", host.get("/metrics").text);
    }
    let registered = events(&bench, "plugin.registered");
    let judge = registered.iter().find(|event| event["plugin_id"] == "aaa-judge").expect("registered");
    assert_eq!((&judge["tenant_id"], &judge["outcome"]), (&json!("system"), &json!({ "status": "success" })));
    let expected = json!({
        "plugin_name": "aaa-judge", "version": "1.0.0", "capabilities": ["audit.emit"], "hooks": ["config_validate"],
        "async_safe": false, "signed_by": "unsigned", "requires_stigmem": ">=0.9.0a10",
        "discovery_source": {
            "type": "python_entry_point", "entry_point_name": "aaa-judge", "entry_point_value": "aaa_judge:manifest",
            "distribution": "aaa_judge",
        },
        "signing": {
            "trust_decision": "development_unsigned_override",
            "trust_reason": "the plugin mode dev asks for no signature",
        },
    });
    assert_eq!(judge["metadata"], expected);
    // Handlers of `audit_emit` are told all of it a moment later.
    for said in [
        "plugin.registered success aaa-judge",
        "plugin.registration_failed failure bbb-denied",
        "plugin.registered success iii-sink",
    ] {
        host.wait_for(|host| host.said().contains(&format!("AUDIT {said}")));
    }
}

/// S28, of what an operator has accepted.
#[test]
fn what_the_lock_accepts_is_registered_by_an_operators_word() {
    if !has_python() {
        return;
    }
    let bench = bench();
    plugin(&bench, "aaa-vote", "def vote(ctx, **rest): return Allow()\n", "'capability_check': vote", "");
    let site = ["--site-packages", "site", "--plugins-dir", "plugins", "--plugins-lock", "plugins.lock"];
    let trust = ["plugins", "trust", "aaa-vote", "--reason", "x", "--trusted-keys", "keys"];
    bench.run(&[&trust[..], &site].concat()).ok();
    let words = ["--plugin-mode", "production", "--plugins-lock", "plugins.lock"];
    let host = ServedHost::ready(&mut serving(&bench, &words));
    let registered = events(&bench, "plugin.registered");
    let signing = json!({ "trust_decision": "operator_override", "trust_reason": "accepted in plugins.lock" });
    assert_eq!(registered[0]["metadata"]["signing"], signing);
    // What is quarantined lets nothing pass.
    let untrust = ["plugins", "untrust", "aaa-vote", "--reason", "x"];
    bench.run(&[&untrust[..], &site[2..]].concat()).ok();
    host.wait_for(|host| host.plugin("aaa-vote")["quarantined"] == Value::Bool(true));
    let refused = fire(&host, "capability_check", &json!({})).refused_for(422, "execution_failed");
    let begin = "handler 'aaa-vote.vote' failed for hook 'capability_check': plugin is quarantined";
    assert!(refused.starts_with(begin), "{refused}");
    bench.run(&[&trust[..], &site].concat()).ok();
    host.wait_for(|host| fire(host, "capability_check", &json!({})).status == 200);
}

/// S42.
#[test]
fn how_a_plugin_does_is_shown_and_nothing_follows_from_it() {
    if !has_python() {
        return;
    }
    let bench = bench();
    let vote = "def vote(ctx, **rest): return Allow()\n";
    let check = |name: &str, body: &str| {
        let functions = format!("{vote}def check(ctx): {body}\n");
        plugin(&bench, name, &functions, "'capability_check': vote", ", health_check=check");
    };
    check("aaa-well", "return PluginHealth(PluginHealthStatus.HEALTHY, 'all is well')");
    check("bbb-ill", "return PluginHealth(PluginHealthStatus.UNHEALTHY, 'no disk')");
    check("ccc-raises", "raise OSError('no disk')");
    check("ddd-other", "return True");
    check("eee-so", "return PluginHealth('degraded')");
    plugin(&bench, "fff-silent", vote, "'capability_check': vote", "");
    let host = start(&bench);
    let health = |host: &ServedHost| -> Vec<(Value, Value, Value)> {
        let plugins = host.get("/api/v1/hooks").ok()["plugins"].as_array().expect("plugins").clone();
        let shown = |plugin: &Value| plugin["health"].clone();
        plugins
            .iter()
            .map(shown)
            .map(|one| (one["status"].clone(), one["message"].clone(), one["error"].clone()))
            .collect()
    };
    host.wait_for(|host| health(host).iter().all(|(_, message, _)| message != "not asked yet"));
    let row = |status: &str, message: &str, error: Option<&str>| (json!(status), json!(message), json!(error));
    assert_eq!(
        health(&host),
        [
            row("healthy", "all is well", None),
            row("unhealthy", "no disk", None),
            row("unhealthy", "no disk", Some("OSError: no disk")),
            row("unhealthy", "health_check returned bool; expected PluginHealth", Some("invalid result: bool")),
            row("degraded", "", None),
            row("unknown", "no health check registered", None),
        ]
    );
    let fired = fired(&host, "capability_check", &json!({}));
    assert_eq!((&fired["decision"], fired["handlers"].as_array().map(Vec::len)), (&json!("allow"), Some(6)));
    assert_eq!(host.plugin("bbb-ill")["state"], "enabled");
}

/// What an operator disables is passed over, what has failed is not, and what is unloaded is not there.
#[test]
fn who_cannot_be_asked_lets_nothing_pass_unless_an_operator_says_so() {
    if !has_python() {
        return;
    }
    let bench = bench();
    let vote = "import os\ndef vote(ctx, **rest):\n if rest: os._exit(3)\n return Deny('no')\n";
    plugin(&bench, "aaa-guard", vote, "'capability_check': vote", "");
    let host = start(&bench);
    let decide = || fire(&host, "capability_check", &json!({}));
    assert_eq!(decide().ok()["decision"], "deny");
    host.post("/api/v1/plugins/aaa-guard/disable", "").ok();
    let passed_over = fired(&host, "capability_check", &json!({}));
    assert_eq!(passed_over["decision"], "allow");
    assert_eq!(passed_over["handlers"][0]["outcome"], "skipped");
    assert_eq!(passed_over["handlers"][0]["message"], "plugin is disabled");
    host.post("/api/v1/plugins/aaa-guard/enable", "").ok();
    // It ends, and until it is back nothing passes.
    let ended = fire(&host, "capability_check", &json!({ "payload": { "n": 1 } }));
    let begin = "handler 'aaa-guard.vote' failed for hook 'capability_check': ";
    assert!(ended.refused_for(422, "execution_failed").starts_with(begin), "{ended:?}");
    let missed = decide();
    assert!(missed.status == 422 || missed.ok()["decision"] == "deny", "{missed:?}");
    host.wait_for(|_| decide().status == 200);
    assert_eq!(decide().ok()["decision"], "deny");
    assert_eq!(host.delete("/api/v1/plugins/aaa-guard").status, 204);
    assert_eq!(decide().ok()["decision"], "allow");
}

/// What is registered is swapped with what runs, whoever fires meanwhile.
#[test]
fn a_reload_swaps_what_is_registered_with_what_runs() {
    if !has_python() {
        return;
    }
    let bench = bench();
    let tidy = "def tidy(ctx, value, **rest): return value + VERSION\nVERSION = 'first'\n";
    plugin(&bench, "aaa-tidy", tidy, "'recall_filter': tidy, 'recall_rank': lambda ctx, value: {}", "");
    let host = start(&bench);
    let of = || fire(&host, "recall_filter", &json!({ "value": "" }));
    assert_eq!(of().ok()["value"], "first");
    let second = tidy.replace("'first'", "'second'");
    plugin(&bench, "aaa-tidy", &second, "'recall_filter': tidy, 'audit_emit': lambda ctx, **rest: None", "");
    thread::scope(|scope| {
        let firing: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let values = (0..40).map(|_| of().ok()["value"].as_str().expect("a text").to_owned());
                    values.collect::<Vec<_>>()
                })
            })
            .collect();
        host.post("/api/v1/plugins/aaa-tidy/reload", "").ok();
        for values in firing {
            let values = values.join().expect("fired");
            // One or the other, each once and whole, and never back.
            assert!(values.iter().all(|value| value == "first" || value == "second"), "{values:?}");
            assert!(values.is_sorted(), "{values:?}");
        }
    });
    assert_eq!(of().ok()["value"], "second");
    let hooks = host.get("/api/v1/hooks").ok()["plugins"][0]["hooks"].clone();
    assert_eq!(hooks, json!(["recall_filter", "audit_emit"]));
    // What is refused leaves what runs as it is.
    plugin(&bench, "aaa-tidy", &second, "'recall_filter': tidy", ", requires_stigmem='>=2'");
    assert_eq!(host.post("/api/v1/plugins/aaa-tidy/reload", "").status, 400);
    assert_eq!(
        (of().ok()["value"].clone(), host.plugin("aaa-tidy")["state"].clone()),
        (json!("second"), json!("enabled"))
    );
    assert_eq!(host.get("/api/v1/hooks").ok()["plugins"][0]["hooks"], hooks);
}

#[test]
fn where_plugins_get_their_process_with_their_first_call_those_with_handlers_have_one_before() {
    if !has_python() {
        return;
    }
    let bench = bench();
    plugin(&bench, "aaa-vote", "def vote(ctx, **rest): return Deny('no')\n", "'capability_check': vote", "");
    let host = ServedHost::ready(&mut serving(&bench, &["--lazy", "--idle", "1"]));
    assert_eq!(fired(&host, "capability_check", &json!({}))["decision"], "deny");
    // Its process ends when nobody fires, and is there again when somebody does.
    thread::sleep(Duration::from_millis(2500));
    assert_eq!(fired(&host, "capability_check", &json!({}))["decision"], "deny");
}

#[test]
fn who_may_fire_a_hook_has_to_be_told_so_and_what_is_none_is_not_found() {
    if !has_python() {
        return;
    }
    let bench = bench();
    let votes = "def vote(ctx, **rest): return Allow()\ndef who(ctx, **rest): return Deny(ctx.get_identity_reader().caller()['name'])\n";
    let hooks = "'capability_check': vote, 'pre_recall_authorize': who";
    plugin(&bench, "aaa-vote", votes, hooks, ", capabilities={'identity.read'}");
    let token = |name: &str, scope: &str| {
        let made = bench.run(&["token", "create", name, "--scope", scope, "--tokens", "tokens.json"]);
        let token = made.ok().stdout.trim().to_owned();
        bench.write(format!("{name}.token").as_str(), &token);
        format!("Authorization: Bearer {token}\r\n")
    };
    let (fires, reads, plugins) =
        (token("fire", "hooks:fire"), token("read", "plugins:read"), token("all", "plugins:*"));
    let host = ServedHost::ready(&mut serving(&bench, &["--tokens", "tokens.json"]));
    let ask = |method: &str, path: &str, token: &str, body: &str| host.send(method, path, token, body);
    let path = "/api/v1/hooks/capability_check";
    assert_eq!(ask("POST", path, &fires, "{}").ok()["decision"], "allow");
    for token in [&reads, &plugins] {
        ask("POST", path, token, "{}").refused(403, "permission_missing", "API key missing scope: hooks:fire");
    }
    assert_eq!(ask("POST", path, "", "{}").status, 401);
    ask("GET", "/api/v1/hooks", &fires, "").refused(403, "permission_missing", "API key missing scope: plugins:read");
    assert_eq!(ask("GET", "/api/v1/hooks", &reads, "").ok()["hooks"].as_array().map(Vec::len), Some(22));
    for (hook, detail) in
        [("capability_chek", "unknown hook 'capability_chek'"), ("health_check", "unknown hook 'health_check'")]
    {
        ask("POST", &format!("/api/v1/hooks/{hook}"), &fires, "{}").refused(404, "hook_not_found", detail);
    }
    let body = |length: usize| format!("{{\"payload\": {{\"n\": \"{}\"}}}}", "x".repeat(length - 22));
    assert_eq!(body(1 << 20).len(), 1 << 20);
    assert_eq!(ask("POST", path, &fires, &body((1 << 20) + 1)).status, 413);
    // As large as a body may be is larger than a call may be.
    let large = ask("POST", path, &fires, &body(1 << 20));
    assert!(large.refused_for(422, "execution_failed").contains("1048576 bytes"), "{large:?}");
    assert_eq!(ask("POST", path, &fires, &body(1 << 19)).ok()["decision"], "allow");
    for bad in ["[]", "{\"other\": 1}", "{\"payload\": 1}"] {
        assert_eq!(ask("POST", path, &fires, bad).status, 400, "{bad}");
    }
    // A handler asks its host on behalf of whoever fires.
    let reason = ask("POST", "/api/v1/hooks/pre_recall_authorize", &fires, "{}").ok()["reason"].clone();
    assert_eq!(reason, "fire");
    // The same by the command line.
    let url = format!("http://{}", host.address);
    let at =
        |words: &[&str], token: &str| bench.run(&[&["api"], words, &["--url", &url, "--token-file", token]].concat());
    let fired = at(&["fire", "capability_check", "--payload", "{\"n\": 1}"], "fire.token");
    assert_eq!(fired.ok().stdout, "allow\n  aaa-vote.vote  allow\n");
    let listed = at(&["hooks"], "read.token");
    let expected = "pre_recall_authorize  voting\n  aaa-vote.who  within 30 s\n\
                    capability_check  voting\n  aaa-vote.vote  within 30 s\naaa-vote 1.0.0  ";
    assert!(listed.ok().stdout.starts_with(expected), "{listed:?}");
    let meant = at(&["fire", "capability_chek"], "fire.token");
    meant.refused(1, "hook_not_found");
    assert!(meant.stderr.contains("did you mean capability_check?"), "{meant:?}");
    at(&["fire", "capability_check", "--value", "1"], "fire.token").refused(1, "other_hook_semantic");
    at(&["fire", "capability_check", "--expect-semantic", "score_delta"], "fire.token")
        .refused(1, "other_hook_semantic");
    let lacking = at(&["fire", "capability_check"], "read.token");
    assert!(lacking.stderr.contains("--scope hooks:fire "), "{lacking:?}");
}

/// What no gate has seen grants nothing.
#[test]
fn a_plugin_that_says_more_once_it_runs_than_when_it_was_checked_does_not_come() {
    if !has_python() {
        return;
    }
    let bench = bench();
    // What checks a contract holds no calls, and so a plugin can tell by whom it is asked.
    let more = ", capabilities=['audit.read'] if hasattr(__import__('__main__'), 'serve') else []";
    plugin(&bench, "aaa-two-faced", "", "", more);
    plugin(&bench, "bbb-honest", "", "", ", capabilities=['audit.read']");
    let host = start(&bench);
    assert_eq!(host.plugin("bbb-honest")["state"], "enabled");
    let refused = host.plugin("aaa-two-faced");
    assert_eq!(refused["state"], "failed", "{refused}");
    let why = refused["error"].as_str().expect("why");
    assert!(why.contains("says something else than when its contract was checked"), "{why}");
}

/// Who may call plugins holds as many calls as there are places for, and guards are asked all the same.
#[test]
fn calls_take_the_place_of_no_hook() {
    if !has_python() {
        return;
    }
    let bench = bench();
    plugin(&bench, "guard", "def vote(ctx, **rest): return Deny('no')\n", "'capability_check': vote", "");
    for (id, seconds) in [("sleeps", 20), ("answers", 0)] {
        bench.run(&["plugin", "new", id, "--type", "enricher", "-o", "plugins"]).ok();
        let code = format!(
            "import asyncio\nclass Plugin:\n    async def run(self, payload, context):\n        \
             await asyncio.sleep({seconds})\n        return {{}}\n"
        );
        bench.write(&format!("plugins/{id}/plugin.py"), code);
        let directory = format!("plugins/{id}");
        bench.run(&["plugin", "sign", "--plugin-dir", &directory, "--private-key", "release.key"]).ok();
    }
    let host = start(&bench);
    let calls: Vec<_> = (0..230)
        .map(|_| {
            let mut stream = host.connect();
            let address = stream.peer_addr().expect("connected");
            write!(stream, "POST /api/v1/plugins/sleeps/run HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\n\r\n")
                .expect("sent");
            stream
        })
        .collect();
    thread::sleep(Duration::from_secs(2));
    let busy = host.post("/api/v1/plugins/sleeps/run", "");
    assert_eq!(busy.status, 503, "all places of calls are taken: {busy:?}");
    assert!(busy.head.to_lowercase().contains("\r\nretry-after: 1\r\n"), "{busy:?}");
    // And others are called: those that wait take nobody's place.
    let called = host.post("/api/v1/plugins/answers/run", "");
    assert_eq!(called.status, 200, "{called:?}");
    assert_eq!(fired(&host, "capability_check", &json!({}))["decision"], "deny");
    drop(calls);
}
