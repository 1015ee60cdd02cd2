//! `aisoc hooks`: the points at which plugins are called, as the contract has them.

mod support;

use serde_json::{Value, json};
use support::Bench;

/// Name, semantic, ordering, band, and whether a failure counts although nothing is asked of handlers.
const TABLE: [(&str, &str, &str, &str, bool); 22] = [
    ("pre_assert_authorize", "voting", "core_first", "AUTHZ", false),
    ("pre_assert_validate", "voting", "core_first", "VALIDATE", false),
    ("pre_assert_transform", "filter_chain", "plugins_first", "TRANSFORM", false),
    ("post_assert_persist", "fire_and_forget", "plugin_only", "PERSIST", false),
    ("post_assert_propagate", "fire_and_forget", "plugin_only", "PERSIST", false),
    ("post_assert_audit", "fire_and_forget", "core_only_default", "AUDIT", true),
    ("pre_recall_authorize", "voting", "core_first", "AUTHZ", false),
    ("pre_recall_rewrite", "filter_chain", "plugins_first", "TRANSFORM", false),
    ("recall_filter", "filter_chain", "plugins_first", "FILTER", false),
    ("recall_rank", "score_delta", "plugins_first", "RANK", false),
    ("post_recall_audit", "fire_and_forget", "core_only_default", "AUDIT", true),
    ("federation_peer_authenticate", "voting", "core_first", "AUTHN", false),
    ("federation_inbound_validate", "voting", "core_first", "VALIDATE", false),
    ("federation_inbound_filter", "filter_chain", "plugins_first", "FILTER", false),
    ("federation_outbound_filter", "filter_chain", "plugins_first", "FILTER", false),
    ("federation_outbound_sign", "filter_chain", "plugins_first", "TRANSFORM", false),
    ("identity_resolve", "filter_chain", "core_first", "AUTHN", false),
    ("tenant_resolve", "filter_chain", "core_first", "AUTHN", false),
    ("capability_check", "voting", "core_first", "AUTHZ", false),
    ("migration_register", "filter_chain", "core_only_default", "TRANSFORM", false),
    ("audit_emit", "fire_and_forget", "core_only_default", "AUDIT", true),
    ("config_validate", "voting", "core_first", "VALIDATE", false),
];
const BANDS: [&str; 9] = ["AUTHN", "AUTHZ", "VALIDATE", "TRANSFORM", "FILTER", "RANK", "PERSIST", "AUDIT", "OBSERVE"];

/// S35.
#[test]
fn the_twenty_two_are_listed_with_how_answers_are_put_together() {
    let bench = Bench::new();
    let document: Value = serde_json::from_str(&bench.run(&["hooks", "--json"]).ok().stdout).expect("JSON");
    let hooks = document["hooks"].as_array().expect("a list");
    assert_eq!(hooks.len(), TABLE.len());
    for (hook, (name, semantic, ordering, band, is_strict)) in hooks.iter().zip(TABLE) {
        let number = BANDS.iter().position(|known| *known == band).expect("known") * 10 + 10;
        let value = match semantic {
            "filter_chain" => json!("value"),
            "score_delta" => json!("scored_results"),
            _ => Value::Null,
        };
        let meaning = hook["meaning"].as_str().expect("a sentence");
        assert!(meaning.len() > 10 && meaning.ends_with('.'), "{meaning}");
        let expected = json!({
            "name": name, "semantic": semantic, "ordering": ordering, "band": band, "band_number": number,
            "is_strict": is_strict, "value": value, "meaning": meaning,
        });
        assert_eq!(*hook, expected);
    }
    let text = bench.run(&["hooks"]).ok().stdout.clone();
    assert_eq!(text.lines().count(), 2 * TABLE.len());
    assert!(text.contains("audit_emit  fire_and_forget, core_only_default, AUDIT, strict\n"), "{text}");
    assert_eq!(text.matches(", strict\n").count(), 3, "{text}");
}
