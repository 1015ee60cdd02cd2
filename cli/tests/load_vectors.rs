//! The reference host's `load` outcomes: what it loads, `validate --profile manager --load` accepts;
//! what it refuses, ours refuses too.

mod support;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use support::Bench;

const VECTORS: &str = include_str!("../../testdata/vectors/public.json");

#[test]
fn every_load_vector_is_accepted_or_refused_as_by_the_host() {
    let document: Value = serde_json::from_str(VECTORS).expect("JSON");
    let vectors = document["vectors"].as_array().expect("vectors");
    let vectors: Vec<_> = vectors.iter().filter(|vector| vector["category"] == "load").collect();
    let mut passed = 0;
    for vector in &vectors {
        let bench = Bench::new();
        std::fs::create_dir(bench.path("p")).expect("made");
        for (name, content) in vector["files"].as_object().expect("files") {
            bench.write(&format!("p/{name}"), STANDARD.decode(content.as_str().expect("text")).expect("base64"));
        }
        let run = bench.run(&["plugin", "validate", "p", "--profile", "manager", "--load"]);
        if run.stderr.contains("AISOC_PYTHON") {
            println!("skipped: {} (no Python)", vector["name"]);
            passed += 1;
            continue;
        }
        let loads = vector["expect"].get("loaded_id").is_some();
        assert_eq!(run.code == 0, loads, "{}: {run:?}", vector["name"]);
        assert!(loads || run.stderr.contains("error["), "{run:?}");
        passed += 1;
    }
    println!("public.json load: {passed} of {}", vectors.len());
    assert_eq!((passed, vectors.len()), (23, 23));
}
