//! From `*.dist-info` to a verdict: entry points are found without Python, and checked in a real one.
#![expect(clippy::print_stderr, reason = "what could not be tried is said")]

#[path = "../../worker/tests/support/mod.rs"]
mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use aisoc_manifests::fault::Reason;
use aisoc_packaging::Limits;
use aisoc_pipeline::{Contract, ContractChecks, Discovered, SiteSources, check_contracts, discover_site};
use support::launcher_of;

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

fn checked(site: &Path, program: &str) -> (Vec<Discovered>, Vec<Contract>) {
    let sources = SiteSources { site_packages: vec![site.to_owned()], ..SiteSources::default() };
    let found = discover_site(&sources, &Limits::default()).expect("not interrupted");
    assert!(found.failed.is_empty(), "{found:?}");
    let launcher = launcher_of(program);
    let limits = Limits::default();
    let (site_packages, memory, meant) = (&sources.site_packages, None, &|_: &Discovered| true);
    let checks = ContractChecks { launcher: &launcher, site_packages, limits: &limits, memory, meant };
    let plugins: Vec<&Discovered> = found.plugins.iter().collect();
    let answers = check_contracts(&plugins, &checks).expect("not interrupted");
    (found.plugins, answers)
}

/// `name = id` of what calls itself so, `name` of what is not asked, `name reason: message` of what is broken. `None`,
/// visibly, without Python.
fn verdicts(entry_points: &str, lab: &str) -> Option<Vec<String>> {
    let site = site_packages(entry_points, lab);
    let (plugins, answers) = checked(site.path(), "python3");
    if answers.iter().any(|answer| matches!(answer, Contract::Unavailable(_))) {
        eprintln!("SKIPPED: there is no python3, so nothing was checked");
        return None;
    }
    let line = |(plugin, answer): (&Discovered, &Contract)| match answer {
        Contract::NotAsked => plugin.id.clone(),
        Contract::Id(id, ..) => format!("{} = {id}", plugin.id),
        Contract::Broken(fault) | Contract::Unavailable(fault) => {
            format!("{} {}: {}", plugin.id, fault.reason(), fault.message())
        }
    };
    Some(plugins.iter().zip(&answers).map(line).collect())
}

const LAB: &str = "import pydantic\nclass Flux:\n id = 'lab.flux'\n name = version = 'x'\n config_model = pydantic.BaseModel\n \
                   required_capabilities = ()\n async def preflight(self): pass\n async def run(self): pass\n\
                   class Twin(Flux): pass\nclass Bad(Flux):\n id = 'lab.bad'\n run = None\n\
                   class Hidden(Flux):\n id = 'a\\u202eb'\n";

#[test]
fn procedures_state_their_ids_and_every_other_group_asks_for_an_import() {
    let entry_points = "[capa.procedures]\na = lab:Flux\nb = lab:Twin\nc = lab:Bad\nd = lab:Absent\ne = lab:Hidden\n\
                        [chaoscypher.cleaners]\nf = lab:Flux\ng = absent:Cleaner\n";
    let Some(verdicts) = verdicts(entry_points, LAB) else { return };
    assert_eq!(
        verdicts,
        [
            "a = lab.flux",
            "b = lab.flux",
            "c contract_check_failed: missing async run()",
            "d import_failed: module 'lab' has no attribute 'Absent'",
            "e contract_check_failed: the id `a\\u{202e}b` is too long or cannot be shown",
            "f = f",
            "g import_failed: No module named 'absent'",
        ]
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
    let Some(verdicts) = verdicts(entry_points, lab) else { return };
    let circle = "plugin dependency cycle detected: circle-one -> circle-two -> circle-one";
    assert_eq!(
        verdicts,
        [
            "a = base-hooks".to_owned(),
            "b = above-base".to_owned(),
            "c contract_check_failed: missing plugin dependencies: lost-hook missing nowhere".to_owned(),
            format!("d contract_check_failed: {circle}"),
            format!("e contract_check_failed: {circle}"),
            "f unknown_capability: unknown plugin capabilities: facts.reed".to_owned(),
        ]
    );
}

#[test]
fn without_python_everything_is_found_and_nobody_can_ask() {
    let site = site_packages("[capa.procedures]\na = lab:Flux\n", LAB);
    let (plugins, answers) = checked(site.path(), "no-such-python");
    assert_eq!(plugins.len(), 1);
    let [Contract::Unavailable(fault)] = &answers[..] else { panic!("{answers:?}") };
    assert_eq!(fault.reason(), Reason::ImportFailed);
    assert!(fault.message().contains("no-such-python") && fault.next_step().contains("AISOC_PYTHON"), "{fault:?}");
}
