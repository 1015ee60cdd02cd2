//! From `*.dist-info` to a verdict: entry points are found without Python, and checked in a real one.
#![expect(clippy::print_stderr, reason = "what could not be tried is said")]

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::fault::Reason;
use aisoc_packaging::Limits;
use aisoc_pipeline::{ContractChecks, ContractVerdicts, SiteSources, check_contracts, discover_site};
use aisoc_worker::{KEPT_VARIABLES, Python};

fn write(path: &Path, content: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().expect("a parent")).expect("made");
    fs::write(path, content).expect("written");
}

/// A site-packages directory with one distribution, which everybody may read.
fn site_packages(entry_points: &str, lab: &str) -> tempfile::TempDir {
    let site = tempfile::tempdir().expect("a directory");
    write(&site.path().join("lab-1.dist-info/METADATA"), "Name: lab\nVersion: 1.0\n");
    write(&site.path().join("lab-1.dist-info/entry_points.txt"), entry_points);
    write(&site.path().join("lab.py"), lab);
    write(&site.path().join("pydantic.py"), "class BaseModel: pass\n");
    fs::set_permissions(site.path(), fs::Permissions::from_mode(0o755)).expect("set");
    site
}

fn checked(site: &Path, program: &str) -> ContractVerdicts {
    let sources = SiteSources { site_packages: vec![site.to_owned()], ..SiteSources::default() };
    let found = discover_site(&sources, &Limits::default()).expect("not interrupted");
    assert!(found.failed.is_empty(), "{found:?}");
    let variables = KEPT_VARIABLES.iter().filter_map(|name| Some(((*name).into(), env::var_os(name)?)));
    let python = Python { program: program.into(), variables: variables.collect() };
    let cancellation = Cancellation::default();
    let checks = ContractChecks { python: &python, site_packages: &sources.site_packages, cancellation: &cancellation };
    check_contracts(found.plugins, &checks).expect("not interrupted")
}

/// `id version` of what passed, `name reason: message` of what did not. `None`, visibly, without Python.
fn verdicts(entry_points: &str, lab: &str) -> Option<(Vec<String>, Vec<String>)> {
    let site = site_packages(entry_points, lab);
    let verdicts = checked(site.path(), "python3");
    if verdicts.failed.iter().any(|failed| failed.fault.message().starts_with("there is no Python")) {
        eprintln!("SKIPPED: there is no python3, so nothing was checked");
        return None;
    }
    let passed = verdicts.passed.iter().map(|plugin| format!("{} {}", plugin.id, plugin.version)).collect();
    let here = site.path().display().to_string();
    let failed = verdicts.failed.iter().map(|failed| {
        format!("{} {}: {}", failed.name, failed.fault.reason(), failed.fault.message().replace(&here, "SITE"))
    });
    Some((passed, failed.collect()))
}

const LAB: &str = "import pydantic\nclass Flux:\n id = 'lab.flux'\n name = version = 'x'\n config_model = pydantic.BaseModel\n \
                   required_capabilities = ()\n async def preflight(self): pass\n async def run(self): pass\n\
                   class Twin(Flux): pass\nclass Bad(Flux):\n id = 'lab.bad'\n run = None\n\
                   class Hidden(Flux):\n id = 'a\\u202eb'\n";

#[test]
fn procedures_pass_under_the_id_of_their_class_and_the_second_of_one_id_fails() {
    let entry_points = "[capa.procedures]\na = lab:Flux\nb = lab:Twin\nc = lab:Bad\nd = lab:Absent\ne = lab:Hidden\n\
                        [chaoscypher.cleaners]\nf = lab:Flux\ng = absent:Cleaner\n";
    let Some((passed, failed)) = verdicts(entry_points, LAB) else { return };
    assert_eq!(passed, ["lab.flux 1.0", "f 1.0"]);
    assert_eq!(
        failed,
        [
            "b duplicate_plugin_id: duplicate plugin id (entry point lab:Twin) 'lab.flux': already registered from \
             'SITE/lab-1.dist-info', cannot also register from 'SITE/lab-1.dist-info'",
            "c contract_check_failed: missing async run()",
            "d import_failed: module 'lab' has no attribute 'Absent'",
            "e contract_check_failed: the id `a\\u{202e}b` is too long or cannot be shown",
            "g import_failed: No module named 'absent'",
        ]
        .map(|line| line.replace("b duplicate", "lab.flux duplicate"))
    );
}

#[test]
fn hooks_are_judged_by_themselves_and_beside_each_other() {
    let entry_points =
        "[stigmem.plugins]\na = lab:base\nb = lab:above\nc = lab:lost\nd = lab:one\ne = lab:other\nf = lab:greedy\n";
    let lab = "def hook(name, *needs, **more): return dict(name=name, version='1.0.0', depends_on=needs, **more)\n\
               def base(): return hook('base-hooks')\ndef above(): return hook('above-base', 'base-hooks')\n\
               def lost(): return hook('lost-hook', 'nowhere')\ndef one(): return hook('circle-one', 'circle-two')\n\
               def other(): return hook('circle-two', 'circle-one')\n\
               def greedy(): return hook('greedy-hook', capabilities=['facts.reed', 'audit.emit'])\n";
    let Some((passed, failed)) = verdicts(entry_points, lab) else { return };
    assert_eq!(passed, ["base-hooks 1.0", "above-base 1.0"]);
    let circle = "plugin dependency cycle detected: circle-one -> circle-two -> circle-one";
    assert_eq!(
        failed,
        [
            "f unknown_capability: unknown plugin capabilities: facts.reed".to_owned(),
            "lost-hook contract_check_failed: missing plugin dependencies: lost-hook missing nowhere".to_owned(),
            format!("circle-one contract_check_failed: {circle}"),
            format!("circle-two contract_check_failed: {circle}"),
        ]
    );
}

#[test]
fn without_python_everything_is_found_and_nothing_passes() {
    let site = site_packages("[capa.procedures]\na = lab:Flux\n", LAB);
    let verdicts = checked(site.path(), "no-such-python");
    assert!(verdicts.passed.is_empty());
    let fault = &verdicts.failed[0].fault;
    assert_eq!(fault.reason(), Reason::ImportFailed);
    assert!(fault.message().contains("no-such-python") && fault.next_step().contains("AISOC_PYTHON"), "{fault:?}");
}
