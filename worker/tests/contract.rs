//! Entry points in a real Python, held to their contracts: what is said of each that is none, and what becomes of
//! those that do something else.
#![expect(clippy::print_stderr, reason = "what could not be tried is said")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use aisoc_worker::{CHECK_PATIENCE, Checked, Checking, Contract, Error, HookManifest, Launcher, Room, Sandbox, check};
use support::{launcher, launcher_of};
use tempfile::TempDir;

const MODEL: &str = "from pydantic import BaseModel\nclass Model(BaseModel): pass\n";
const WHOLE: &str = "class Flux:\n id = 'lab.flux'\n name = 'Flux'\n version = '1'\n config_model = Model\n \
                     required_capabilities = ()\n async def preflight(self): pass\n async def run(self): pass\n";

/// Of a copy.
fn room() -> Room {
    Room { entries: 10, file_bytes: 1 << 16, total_bytes: 1 << 20 }
}

/// A site-packages directory that everybody may read, with a module `lab` and a stand-in for pydantic, whose one class
/// is all that is asked of it.
fn site_packages(lab: &str) -> TempDir {
    let site = tempfile::tempdir().expect("a directory");
    fs::set_permissions(site.path(), fs::Permissions::from_mode(0o755)).expect("set");
    fs::write(site.path().join("lab.py"), lab).expect("written");
    fs::write(site.path().join("pydantic.py"), "class BaseModel: pass\n").expect("written");
    site
}

fn check_in(
    site: &Path,
    contract: Contract,
    object: &str,
    patience: Duration,
    stop: &AtomicBool,
) -> Result<Checked, Error> {
    check_with(&launcher(Sandbox::default()), site, contract, object, patience, stop)
}

fn check_with(
    launcher: &Launcher,
    site: &Path,
    contract: Contract,
    object: &str,
    patience: Duration,
    stop: &AtomicBool,
) -> Result<Checked, Error> {
    let site_packages = [site.to_owned()];
    let (module, site_packages, room) = ("lab", &site_packages, room());
    check(&Checking { launcher, contract, module, object, site_packages, room, patience, stop })
}

/// `None`, visibly, without Python.
fn checked(lab: &str, contract: Contract, object: &str, patience: Duration) -> Option<Result<Checked, Error>> {
    let site = site_packages(lab);
    match check_in(site.path(), contract, object, patience, &AtomicBool::new(false)) {
        Err(Error::NoPython { .. }) => {
            eprintln!("SKIPPED: there is no python3, so nothing was checked");
            None
        }
        checked => Some(checked),
    }
}

fn procedure(lab: &str, object: &str) -> Option<Result<Checked, Error>> {
    checked(lab, Contract::Procedure, object, CHECK_PATIENCE)
}

#[test]
fn a_class_that_is_a_procedure_states_its_id() {
    let Some(checked) = procedure(&format!("{MODEL}{WHOLE}"), "Flux") else { return };
    assert_eq!(checked.expect("passes"), Checked { id: Some("lab.flux".to_owned()), hook: None });
}

#[test]
fn every_rule_of_a_procedure_has_its_text() {
    let without = |line: &str| WHOLE.replace(line, "");
    let cases = [
        ("Flux = 12".to_owned(), "plugin entry point did not load to a class (got int)"),
        ("def Flux(): pass".to_owned(), "plugin entry point did not load to a class (got function)"),
        (without(" id = 'lab.flux'\n"), "class Flux missing attribute 'id'"),
        (without(" name = 'Flux'\n"), "class Flux missing attribute 'name'"),
        (without(" version = '1'\n"), "class Flux missing attribute 'version'"),
        (without(" config_model = Model\n"), "class Flux missing attribute 'config_model'"),
        (WHOLE.replace("= Model", "= dict"), "class Flux.config_model must be a Pydantic BaseModel subclass"),
        (WHOLE.replace("= Model", "= Model()"), "class Flux.config_model must be a Pydantic BaseModel subclass"),
        (without(" async def preflight(self): pass\n"), "class Flux missing async method 'preflight'"),
        (without(" async def run(self): pass\n"), "class Flux missing async method 'run'"),
        (
            WHOLE.replace("async def preflight", "def preflight"),
            "class Flux.preflight must be a coroutine function (async def)",
        ),
        (WHOLE.replace("async def run", "def run"), "class Flux.run must be a coroutine function (async def)"),
        (without(" required_capabilities = ()\n"), "class Flux missing attribute 'required_capabilities'"),
        (WHOLE.replace("'lab.flux'", "12"), "class Flux.id must be text"),
        // The first that is wrong is the one that is said.
        ("class Flux: pass".to_owned(), "class Flux missing attribute 'id'"),
    ];
    for (source, expected) in cases {
        let Some(checked) = procedure(&format!("{MODEL}{source}"), "Flux") else { return };
        match checked {
            Err(Error::Breach { message, .. }) => assert_eq!(message, expected, "{source}"),
            other => panic!("{source}: {other:?}"),
        }
    }
}

/// Who never imported pydantic has no subclass of its model: true whether it is installed or not.
#[test]
fn without_pydantic_no_model_is_one() {
    let site = site_packages(&format!("class Model: pass\n{WHOLE}"));
    fs::remove_file(site.path().join("pydantic.py")).expect("removed");
    let go_on = AtomicBool::new(false);
    match check_in(site.path(), Contract::Procedure, "Flux", CHECK_PATIENCE, &go_on) {
        Err(Error::NoPython { .. }) => eprintln!("SKIPPED: there is no python3, so nothing was checked"),
        Err(Error::Breach { message, .. }) => {
            assert_eq!(message, "class Flux.config_model must be a Pydantic BaseModel subclass");
        }
        other => panic!("{other:?}"),
    }
    fs::write(site.path().join("lab.py"), format!("{MODEL}{WHOLE}")).expect("written");
    match check_in(site.path(), Contract::Procedure, "Flux", CHECK_PATIENCE, &go_on) {
        Err(Error::NoPython { .. }) => {}
        Err(Error::NotImported { message, cause }) => {
            assert_eq!(message, "No module named 'pydantic'");
            assert_eq!(cause.as_deref(), Some("ModuleNotFoundError, lab.py line 1"));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_cannot_be_imported_is_said_in_pythons_words() {
    for (source, object, expected) in [
        ("raise RuntimeError('not today')", "Flux", "not today"),
        ("import sys\nsys.exit(3)", "Flux", "3"),
        ("raise KeyboardInterrupt", "Flux", "KeyboardInterrupt"),
        ("x = 1", "Flux", "module 'lab' has no attribute 'Flux'"),
        ("class A: pass", "A.B", "type object 'A' has no attribute 'B'"),
        ("import nowhere_at_all", "Flux", "No module named 'nowhere_at_all'"),
        ("def f(:", "Flux", "invalid syntax"),
    ] {
        let Some(checked) = procedure(source, object) else { return };
        match checked {
            Err(Error::NotImported { message, .. }) => assert!(message.starts_with(expected), "{source}: {message}"),
            other => panic!("{source}: {other:?}"),
        }
    }
}

#[test]
fn a_hook_is_called_once_without_arguments_and_gives_its_manifest() {
    let manifest = "class Manifest:\n name = 'audit-trail'\n version = '1.2.0'\n capabilities = {'facts.read', 'audit.emit'}\n \
                    depends_on = ('base-hooks',)\ndef manifest(): return Manifest()\n";
    let Some(result) = checked(manifest, Contract::Hook, "manifest", CHECK_PATIENCE) else { return };
    let expected = HookManifest {
        name: "audit-trail".to_owned(),
        version: "1.2.0".to_owned(),
        requires: ">=0.9.0a10".to_owned(),
        capabilities: vec!["audit.emit".to_owned(), "facts.read".to_owned()],
        depends_on: vec!["base-hooks".to_owned()],
        is_async_safe: true,
        handlers: Vec::new(),
        has_health_check: Some(false),
    };
    assert_eq!(result.expect("passes"), Checked { id: None, hook: Some(expected) });
    for (source, expected) in [
        ("manifest = 12", "plugin entry point did not load to a callable (got int)"),
        ("def manifest(registry): pass", "plugin entry point must be callable without arguments"),
        ("def manifest(): raise ValueError('no')", "plugin entry point raised ValueError: no"),
        ("def manifest(): return None", "the manifest has no name"),
        ("def manifest(): return {'name': 'x'}", "the manifest has no version"),
        ("def manifest(): return {'name': 1, 'version': '1'}", "the manifest.name must be text"),
        (
            "def manifest(): return {'name': 'x', 'version': '1', 'capabilities': 'facts.read'}",
            "the manifest's capabilities must be a list",
        ),
        (
            "import itertools\ndef manifest(): return {'name': 'x', 'version': '1', 'depends_on': map(str, itertools.count())}",
            "the manifest's depends_on has more than 1000 entries",
        ),
    ] {
        match checked(source, Contract::Hook, "manifest", CHECK_PATIENCE).expect("Python") {
            Err(Error::Breach { message, .. }) => assert_eq!(message, expected, "{source}"),
            other => panic!("{source}: {other:?}"),
        }
    }
}

#[test]
fn every_other_group_asks_only_that_it_can_be_imported() {
    let Some(result) = checked("cleaner = object()", Contract::Import, "cleaner", CHECK_PATIENCE) else { return };
    assert_eq!(result.expect("passes"), Checked::default());
}

#[test]
fn what_ends_the_child_is_no_answer() {
    for (source, status) in [
        ("import os\nos._exit(3)", "exit status: 3"),
        ("import ctypes\nctypes.string_at(0)", "SIGSEGV"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "SIGKILL"),
    ] {
        let Some(checked) = procedure(source, "Flux") else { return };
        let error = checked.expect_err("no answer");
        assert!(matches!(error, Error::Unanswered { status: Some(_), .. }), "{source}: {error:?}");
        assert!(error.to_string().contains(status), "{source}: {error}");
    }
}

#[test]
fn a_gigabyte_of_words_is_read_past() {
    let source = "import os, sys\nfor _ in range(1024):\n os.write(1, b'x' * (1 << 20))\nsys.stderr.write('last words')\nFlux = 1";
    let Some(checked) = checked(source, Contract::Import, "Flux", Duration::from_secs(60)) else { return };
    assert_eq!(checked.expect("passes"), Checked::default());
}

#[test]
fn memory_files_and_cores_are_bounded() {
    for (source, expected) in [
        ("x = bytearray(2 << 30)", "MemoryError"),
        ("import mmap\nx = mmap.mmap(-1, 5 << 30)", "Cannot allocate memory"),
        ("import tempfile\nf = tempfile.TemporaryFile()\nf.write(b'x' * (2 << 20))\nf.flush()", "File too large"),
        (
            "import resource\nresource.setrlimit(resource.RLIMIT_DATA, (resource.RLIM_INFINITY,) * 2)",
            "not allowed to raise maximum limit",
        ),
    ] {
        let Some(checked) = checked(source, Contract::Import, "x", CHECK_PATIENCE) else { return };
        match checked {
            Err(Error::NotImported { message, .. }) => assert!(message.contains(expected), "{source}: {message}"),
            other => panic!("{source}: {other:?}"),
        }
    }
}

/// Every process whose command line holds that text.
fn running(text: &str) -> Vec<PathBuf> {
    let processes = fs::read_dir("/proc").expect("listed").filter_map(Result::ok).map(|entry| entry.path());
    let holds =
        |path: &PathBuf| fs::read(path.join("cmdline")).is_ok_and(|line| String::from_utf8_lossy(&line).contains(text));
    processes.filter(holds).collect()
}

#[test]
fn what_hangs_or_forks_ends_and_leaves_nothing_behind() {
    let mark = format!("31{}", std::process::id());
    for (source, is_late) in [
        ("while True: pass".to_owned(), true),
        ("import time\ntime.sleep(60)".to_owned(), true),
        (format!("import subprocess\nsubprocess.Popen(['sleep', '{mark}'], start_new_session=True)\nx = 1"), false),
        (
            format!("import os\nif os.fork() == 0:\n os.setsid()\n os.execvp('sleep', ['sleep', '{mark}'])\nx = 1"),
            false,
        ),
        (
            format!(
                "import os\nif os.fork() == 0 and os.fork() == 0:\n os.execvp('sleep', ['sleep', '{mark}'])\nx = 1"
            ),
            false,
        ),
    ] {
        // Kept from nothing by the kernel: confined, it could not even start what it leaves.
        let (site, going) = (site_packages(&source), AtomicBool::new(false));
        let launcher = launcher(Sandbox::Off);
        let patience = Duration::from_millis(1500);
        let checked = check_with(&launcher, site.path(), Contract::Import, "x", patience, &going);
        if matches!(checked, Err(Error::NoPython { .. })) {
            return eprintln!("SKIPPED: there is no python3, so nothing was checked");
        }
        match checked {
            Err(Error::TimedOut { .. }) => assert!(is_late, "{source}"),
            Ok(_) => assert!(!is_late, "{source}"),
            other => panic!("{source}: {other:?}"),
        }
        assert_eq!(running(&mark), Vec::<PathBuf>::new(), "{source}");
    }
}

#[test]
fn a_bomb_of_forks_ends_with_its_check() {
    let site = site_packages("import os\nwhile True:\n try: os.fork()\n except OSError: pass\n");
    let (began, go_on) = (Instant::now(), AtomicBool::new(false));
    match check_in(site.path(), Contract::Import, "x", Duration::from_millis(1500), &go_on) {
        Err(Error::NoPython { .. }) => eprintln!("SKIPPED: there is no python3, so nothing was checked"),
        checked => assert!(matches!(checked, Err(Error::TimedOut { .. })), "{checked:?}"),
    }
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    // The directory is an argument of the child, and so of everything that it forked.
    let mark = fs::canonicalize(site.path()).expect("there").display().to_string();
    assert_eq!(running(&mark), Vec::<PathBuf>::new());
}

#[test]
fn a_check_that_is_to_stop_does_not_wait() {
    let site = site_packages("while True: pass");
    let (stop, began) = (AtomicBool::new(false), Instant::now());
    let error = thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(200));
            stop.store(true, Ordering::SeqCst);
        });
        check_in(site.path(), Contract::Import, "x", CHECK_PATIENCE, &stop).expect_err("never ends")
    });
    assert!(matches!(error, Error::Stopped | Error::NoPython { .. }), "{error:?}");
    assert!(began.elapsed() < CHECK_PATIENCE, "it was waited for");
}

#[test]
fn nothing_else_is_seen_than_what_is_named() {
    let site = site_packages(
        "import os, sys\nsecret = os.environ.get('CARGO')\nassert secret is None, secret\n\
        assert 'site' not in sys.modules\nx = 1",
    );
    fs::write(site.path().join("run.pth"), "import os; os._exit(9)\n").expect("written");
    fs::write(site.path().join("sitecustomize.py"), "import os\nos._exit(9)\n").expect("written");
    match check_in(site.path(), Contract::Import, "x", CHECK_PATIENCE, &AtomicBool::new(false)) {
        Err(Error::NoPython { .. }) => eprintln!("SKIPPED: there is no python3, so nothing was checked"),
        checked => assert_eq!(checked.expect("passes"), Checked::default()),
    }
    assert!(!site.path().join("__pycache__").exists(), "Python left something behind");
}

#[test]
fn no_python_and_no_directory_are_said() {
    let site = site_packages("x = 1");
    let (none, go_on) = (launcher_of("no-such-python"), AtomicBool::new(false));
    let checking = |launcher, site_packages| Checking {
        launcher,
        contract: Contract::Import,
        module: "lab",
        object: "x",
        site_packages,
        room: room(),
        patience: CHECK_PATIENCE,
        stop: &go_on,
    };
    let here = [site.path().to_owned()];
    let error = check(&checking(&none, &here)).expect_err("no Python");
    assert!(matches!(error, Error::NoPython { .. }), "{error:?}");
    let (some, nowhere) = (launcher(Sandbox::default()), [site.path().join("nowhere")]);
    let error = check(&checking(&some, &nowhere)).expect_err("no directory");
    assert!(matches!(error, Error::Io { act: "find", .. }), "{error:?}");
}

/// Root's own directories: a virtual environment below `/root`, a work directory that nobody else may enter.
#[test]
fn what_nobody_may_enter_is_checked_all_the_same() {
    let lab = "import os\nfrom pydantic import missing_here\n";
    let outer = tempfile::tempdir().expect("a directory");
    let inner = outer.path().join("site");
    let closed = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("set");
    fs::create_dir(&inner).expect("made");
    fs::write(inner.join("pydantic.py"), "class BaseModel: pass\n").expect("written");
    closed(outer.path(), 0o700);
    // Through what it may not enter, and what it may not read itself.
    for mode in [0o755, 0o700] {
        closed(&inner, mode);
        let import = |lab: &str| {
            fs::write(inner.join("lab.py"), lab).expect("written");
            check_in(&inner, Contract::Import, "os", CHECK_PATIENCE, &AtomicBool::new(false))
        };
        match import("import os\n") {
            Err(Error::NoPython { .. }) => return eprintln!("SKIPPED: there is no python3, so nothing was checked"),
            other => assert_eq!(other.expect("imported"), Checked::default(), "{mode:o}"),
        }
        let Err(Error::NotImported { message, .. }) = import(lab) else { panic!("{mode:o}") };
        let place = fs::canonicalize(&inner).expect("there");
        assert!(message.contains(&place.join("pydantic.py").display().to_string()), "{mode:o}: {message}");
    }
}

/// As much is copied as there is room for, and no byte more.
#[test]
fn what_only_root_may_read_is_copied_within_bounds() {
    if !rustix::process::geteuid().is_root() {
        return eprintln!("SKIPPED: only root's checks need a copy");
    }
    let site = site_packages("x = 1\n");
    fs::set_permissions(site.path(), fs::Permissions::from_mode(0o700)).expect("set");
    let check = || check_in(site.path(), Contract::Import, "x", CHECK_PATIENCE, &AtomicBool::new(false));
    // Two are there.
    for number in 2..room().entries {
        fs::write(site.path().join(format!("file{number}")), "").expect("written");
    }
    match check() {
        Err(Error::NoPython { .. }) => return eprintln!("SKIPPED: there is no python3, so nothing was checked"),
        other => assert_eq!(other.expect("room for all"), Checked::default()),
    }
    fs::write(site.path().join("one-more"), "").expect("written");
    assert!(matches!(check(), Err(Error::TooMuch { .. })));
}
