//! From staged to visible, in one step or not at all.

mod common;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use aisoc_installation::{Access, Previous, StagingDirectory, release_unverified};
use aisoc_manifests::fault::Reason;
use aisoc_manifests::id::PluginId;
use aisoc_packaging::{InstalledDir, Staged};
use common::{
    GZIP, MANIFEST, TAR, activate, admission, demo, directory, installed, packed, read_record, record, snapshot,
    stage_into, titled, uninstall, untitled, versions,
};
use tempfile::TempDir;

fn id() -> PluginId {
    "demo".parse().expect("an id")
}

fn stage(plugins: &Path, source: &TempDir) -> Staged<StagingDirectory> {
    stage_into(plugins, &titled("demo"), GZIP, packed(source.path(), 1).as_slice()).expect("staged")
}

fn install(plugins: &Path, source: &TempDir, version: &str) -> Previous {
    let staged = stage(plugins, source);
    let (admitted, record) = (admission(&staged), record(&staged, version));
    let installed = activate(admitted, staged, &record, 1, &versions::access()).expect("activated");
    assert!(installed.leftovers.is_empty(), "{installed:?}");
    installed.previous
}

fn second() -> TempDir {
    directory(&[("plugin.yaml", MANIFEST), ("plugin.py", "class Plugin: pass\n"), ("new.py", "")])
}

#[test]
fn a_fresh_install_makes_what_is_missing() {
    let top = tempfile::tempdir().expect("a directory");
    let plugins = top.path().join("opt/aisoc/plugins");
    assert_eq!(install(&plugins, &demo(), "1.0.0"), Previous::None);
    assert_eq!(fs::read_to_string(plugins.join("demo/plugin.yaml")).expect("there"), MANIFEST);
    let listed = installed(&plugins).expect("listed");
    let [plugin] = listed.as_slice() else { panic!("one plugin: {listed:?}") };
    assert_eq!(plugin.directory, "demo");
    let record = plugin.record.as_ref().expect("readable").as_ref().expect("there");
    assert_eq!((record.version.as_str(), &record.id), ("1.0.0", &id()));
    assert_eq!(record.tree_digest, InstalledDir::read(&plugin.path).expect("read").subject());
    let mode = fs::metadata(plugins.join("demo")).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o755);
    let names: Vec<_> = fs::read_dir(&plugins).expect("listed").map(|e| e.expect("an entry").file_name()).collect();
    assert_eq!(names.len(), 2, "the plugin and .aisoc, no staging: {names:?}");
}

#[test]
fn an_upgrade_exchanges_the_trees() {
    let plugins = tempfile::tempdir().expect("a directory");
    install(plugins.path(), &demo(), "1.0.0");
    assert_eq!(install(plugins.path(), &second(), "1.1.0"), Previous::Replaced);
    assert!(plugins.path().join("demo/new.py").exists());
    assert!(!plugins.path().join("demo/sub").exists(), "nothing of the old tree is left");
    let record = read_record(plugins.path(), &id()).expect("readable").expect("there");
    assert_eq!(record.version, "1.1.0");
    assert_eq!(fs::read_dir(plugins.path()).expect("listed").count(), 2);
}

#[test]
fn an_archive_without_a_directory_of_its_own_installs() {
    let plugins = tempfile::tempdir().expect("a directory");
    let tar = aisoc_testkit::archive::TarBuilder::new().file("plugin.yaml", MANIFEST).file("sub/a.py", "").end();
    let staged = stage_into(plugins.path(), &untitled(), TAR, tar.as_slice()).expect("staged");
    let (admitted, record) = (admission(&staged), record(&staged, "1.0.0"));
    activate(admitted, staged, &record, 1, &Access::default()).expect("activated");
    assert!(plugins.path().join("demo/sub/a.py").exists());
}

#[test]
fn an_admission_of_another_tree_is_refused() {
    let plugins = tempfile::tempdir().expect("a directory");
    install(plugins.path(), &demo(), "1.0.0");
    let before = snapshot(&plugins.path().join("demo"));
    let other = stage(plugins.path(), &demo());
    let staged = stage(plugins.path(), &second());
    let (admitted, record) = (admission(&other), record(&staged, "2.0.0"));
    let fault = activate(admitted, staged, &record, 1, &Access::default()).expect_err("another tree");
    assert_eq!(fault.reason(), Reason::Internal);
    drop(other);
    assert_eq!(snapshot(&plugins.path().join("demo")), before);
    assert_eq!(read_record(plugins.path(), &id()).expect("readable").expect("there").version, "1.0.0");
}

#[test]
fn a_record_of_another_tree_is_refused() {
    let plugins = tempfile::tempdir().expect("a directory");
    let other = stage(plugins.path(), &demo());
    let staged = stage(plugins.path(), &second());
    let (admitted, record) = (admission(&staged), record(&other, "2.0.0"));
    assert_eq!(
        activate(admitted, staged, &record, 1, &Access::default()).expect_err("another record").reason(),
        Reason::Internal
    );
    drop(other);
    let left: Vec<_> =
        fs::read_dir(plugins.path()).expect("listed").map(|e| e.expect("an entry").file_name()).collect();
    assert_eq!(left, [".aisoc"], "the lock was taken, and nothing is installed");
}

#[test]
fn dropping_what_was_staged_leaves_nothing() {
    let top = tempfile::tempdir().expect("a directory");
    let plugins = top.path().join("made/plugins");
    let staged = stage(&plugins, &demo());
    assert!(plugins.exists());
    let staging = fs::read_dir(&plugins).expect("listed").next().expect("one").expect("an entry").path();
    assert_eq!(fs::metadata(&staging).expect("there").permissions().mode() & 0o777, 0o700);
    drop(staged);
    assert!(!top.path().join("made").exists());
}

#[test]
fn the_staging_of_a_dead_process_is_removed_and_that_of_a_living_one_is_not() {
    let plugins = tempfile::tempdir().expect("a directory");
    let dead = plugins.path().join(".aisoc-staging-killed");
    fs::create_dir_all(dead.join("tree/sub")).expect("made");
    common::abandon_staging(plugins.path());
    let alive = stage(plugins.path(), &demo());
    assert!(!dead.exists());
    install(plugins.path(), &second(), "1.0.0");
    let record = record(&alive, "2.0.0");
    activate(admission(&alive), alive, &record, 1, &Access::default()).expect("still there");
}

#[test]
fn a_change_that_was_called_off_leaves_everything_as_it_was() {
    let plugins = tempfile::tempdir().expect("a directory");
    install(plugins.path(), &demo(), "1.0.0");
    let without_lock = |mut found: std::collections::BTreeMap<String, String>| {
        found.remove(".aisoc/write.lock");
        found
    };
    let before = without_lock(snapshot(plugins.path()));
    let access = Access::default();
    let staged = stage(plugins.path(), &second());
    let (admitted, record) = (admission(&staged), record(&staged, "2.0.0"));
    access.cancellation.cancel();
    let fault = activate(admitted, staged, &record, 1, &access).expect_err("called off");
    assert_eq!(fault.reason(), Reason::Interrupted);
    let fault = uninstall(plugins.path(), &id(), &access).expect_err("called off");
    assert_eq!(fault.reason(), Reason::Interrupted);
    assert_eq!(without_lock(snapshot(plugins.path())), before);
}

#[test]
fn a_link_at_the_plugins_place_is_not_followed() {
    let top = tempfile::tempdir().expect("a directory");
    let (plugins, elsewhere) = (top.path().join("plugins"), top.path().join("elsewhere"));
    fs::create_dir_all(&plugins).expect("made");
    fs::create_dir_all(&elsewhere).expect("made");
    symlink(&elsewhere, plugins.join("demo")).expect("linked");
    let staged = stage(&plugins, &demo());
    let (admitted, record) = (admission(&staged), record(&staged, "1.0.0"));
    activate(admitted, staged, &record, 1, &Access::default()).expect_err("a link");
    assert_eq!(fs::read_dir(&elsewhere).expect("listed").count(), 0);
    assert_eq!(read_record(&plugins, &id()).expect("readable"), None);
    uninstall_is_refused_for_a_missing_plugin(&plugins);
}

fn uninstall_is_refused_for_a_missing_plugin(plugins: &Path) {
    let fault = uninstall(plugins, &"absent".parse().expect("an id"), &Access::default()).expect_err("not there");
    assert_eq!(fault.reason(), Reason::PluginNotFound);
}

#[test]
fn a_link_at_the_locks_place_is_not_followed() {
    let top = tempfile::tempdir().expect("a directory");
    let plugins = top.path().join("plugins");
    fs::create_dir_all(plugins.join(".aisoc")).expect("made");
    fs::write(top.path().join("victim"), "content").expect("written");
    symlink(top.path().join("victim"), plugins.join(".aisoc/write.lock")).expect("linked");
    let staged = stage(&plugins, &demo());
    let (admitted, record) = (admission(&staged), record(&staged, "1.0.0"));
    activate(admitted, staged, &record, 1, &Access::default()).expect_err("a link");
    assert_eq!(fs::read_to_string(top.path().join("victim")).expect("there"), "content");
    assert!(!plugins.join("demo").exists());
}

#[test]
fn uninstalling_removes_tree_and_record() {
    let plugins = tempfile::tempdir().expect("a directory");
    install(plugins.path(), &demo(), "1.0.0");
    uninstall(plugins.path(), &id(), &Access::default()).expect("removed");
    assert!(!plugins.path().join("demo").exists());
    assert_eq!(read_record(plugins.path(), &id()).expect("readable"), None);
    assert!(installed(plugins.path()).expect("listed").is_empty());
    uninstall_is_refused_for_a_missing_plugin(plugins.path());
}

#[test]
fn a_record_that_cannot_be_read_is_not_an_absent_one() {
    let plugins = tempfile::tempdir().expect("a directory");
    install(plugins.path(), &demo(), "1.0.0");
    let path = plugins.path().join(".aisoc/records/demo.json");
    let good = fs::read_to_string(&path).expect("there");
    for bad in ["", "{}", "null", &good[..good.len() / 2], &good.replace("demo", "../x"), &good.replace(": 1,", ": 2,")]
    {
        fs::write(&path, bad).expect("written");
        let fault = read_record(plugins.path(), &id()).expect_err(bad);
        assert_eq!(fault.reason(), Reason::RecordInvalid);
        let listed = installed(plugins.path()).expect("listed");
        assert!(listed[0].record.is_err());
    }
}

/// A file on which another is mounted: it can be read, and neither be replaced nor removed.
struct Pinned(PathBuf);

impl Pinned {
    fn mount(path: PathBuf) -> Option<Self> {
        let mounted = Command::new("mount").arg("--bind").args([&path, &path]).output();
        mounted.is_ok_and(|output| output.status.success()).then_some(Self(path))
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).output();
    }
}

#[test]
fn a_record_that_cannot_be_replaced_takes_the_change_back() {
    let plugins = tempfile::tempdir().expect("a directory");
    install(plugins.path(), &demo(), "1.0.0");
    let before = snapshot(&plugins.path().join("demo"));
    let Some(_pinned) = Pinned::mount(plugins.path().join(".aisoc/records/demo.json")) else {
        eprintln!("SKIPPED: mounting is not allowed here");
        return;
    };
    let staged = stage(plugins.path(), &second());
    let (admitted, record) = (admission(&staged), record(&staged, "2.0.0"));
    let fault = activate(admitted, staged, &record, 1, &Access::default()).expect_err("the record is pinned");
    assert!(fault.to_string().contains("records/demo.json"), "{fault:?}");
    let fault = uninstall(plugins.path(), &id(), &Access::default()).expect_err("the record is pinned");
    assert!(fault.to_string().contains("records/demo.json"), "{fault:?}");
    assert!(!fault.to_string().contains("but"), "nothing was done: {fault:?}");
    assert_eq!(snapshot(&plugins.path().join("demo")), before);
    let read = read_record(plugins.path(), &id()).expect("readable").expect("there");
    assert_eq!(read.version, "1.0.0");
    assert_eq!(fs::read_dir(plugins.path().join(".aisoc/pending")).expect("listed").count(), 0);
}

#[test]
fn lists_what_the_host_would_discover() {
    let plugins = directory(&[
        ("b/plugin.yaml", MANIFEST),
        ("a/aisoc-plugin.json", "{}"),
        ("no-manifest/plugin.py", ""),
        (".aisoc-staging-x/plugin.yaml", MANIFEST),
        (".hidden/plugin.yaml", MANIFEST),
        ("plugin.yaml", MANIFEST),
        ("odd name/plugin.yaml", MANIFEST),
    ]);
    let listed: Vec<_> =
        installed(plugins.path()).expect("listed").into_iter().map(|plugin| plugin.directory).collect();
    assert_eq!(listed, ["a", "b", "odd name"]);
    assert!(installed(&plugins.path().join("absent")).expect("listed").is_empty());
}

#[test]
fn releases_into_an_empty_place_only() {
    let top = tempfile::tempdir().expect("a directory");
    for (name, prepare) in [("missing", None), ("empty", Some(None)), ("full", Some(Some("x")))] {
        let out = top.path().join(name);
        if let Some(file) = prepare {
            fs::create_dir(&out).expect("made");
            if let Some(file) = file {
                fs::write(out.join(file), "mine").expect("written");
            }
        }
        let outcome = release_unverified(stage(top.path(), &demo()), &out);
        match name {
            "full" => {
                assert_eq!(outcome.expect_err("occupied").reason(), Reason::AlreadyExists);
                assert_eq!(fs::read_dir(&out).expect("listed").count(), 1);
            }
            _ => {
                outcome.expect("released");
                assert!(out.join("plugin.yaml").exists());
            }
        }
    }
}

#[test]
fn two_installs_at_once_leave_one_whole_tree() {
    let plugins = tempfile::tempdir().expect("a directory");
    let sources = [demo(), second()];
    std::thread::scope(|scope| {
        for round in 0..8 {
            let (plugins, source) = (plugins.path(), &sources[round % 2]);
            scope.spawn(move || install(plugins, source, &format!("1.0.{round}")));
        }
    });
    let present = InstalledDir::read(&plugins.path().join("demo")).expect("read");
    let record = read_record(plugins.path(), &id()).expect("readable").expect("there");
    assert_eq!(present.subject(), record.tree_digest);
    assert_eq!(fs::read_dir(plugins.path()).expect("listed").count(), 2);
}

#[test]
fn a_strict_umask_does_not_change_modes() {
    // In a process of its own: the umask belongs to the whole process.
    let variable = "AISOC_TEST_UMASK";
    if let Ok(plugins) = std::env::var(variable) {
        rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
        install(Path::new(&plugins), &demo(), "1.0.0");
        return;
    }
    let plugins = tempfile::tempdir().expect("a directory");
    let status = Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "a_strict_umask_does_not_change_modes"])
        .env(variable, plugins.path())
        .output()
        .expect("run");
    assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stdout));
    let mode = |name: &str| fs::metadata(plugins.path().join(name)).expect("there").permissions().mode() & 0o777;
    assert_eq!([mode("demo"), mode("demo/sub"), mode("demo/plugin.py")], [0o755, 0o755, 0o644]);
}

#[test]
fn a_read_only_plugins_directory_is_named() {
    let plugins = tempfile::tempdir().expect("a directory");
    fs::set_permissions(plugins.path(), fs::Permissions::from_mode(0o555)).expect("set");
    let outcome = StagingDirectory::create(plugins.path());
    let is_root = rustix::process::geteuid().is_root();
    match outcome.err() {
        Some(fault) => {
            assert_eq!(fault.reason(), Reason::IoDenied);
            assert!(fault.to_string().contains(&plugins.path().display().to_string()), "{fault:?}");
        }
        None => {
            assert!(is_root, "only root may write there");
            eprintln!("SKIPPED: root writes into read-only directories");
        }
    }
}

/// A small tmpfs that is unmounted at the end, or `None` where mounting is not allowed.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn mount(options: &str) -> Option<Self> {
        let point = tempfile::tempdir().expect("a directory");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(point.path()).output();
        mounted.is_ok_and(|output| output.status.success()).then_some(Self(point))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).output();
    }
}

#[test]
fn a_full_disk_refuses_and_keeps_the_old_tree() {
    let Some(disk) = SmallDisk::mount("size=2m,mode=0755") else {
        eprintln!("SKIPPED: mounting a tmpfs is not allowed here");
        return;
    };
    let plugins = disk.0.path();
    install(plugins, &demo(), "1.0.0");
    let before = snapshot(plugins);
    let large = second();
    let noise: Vec<u8> = (0..3_000_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    fs::write(large.path().join("large.bin"), noise).expect("written");
    let bytes = packed(large.path(), 1);
    let Err(fault) = stage_into(plugins, &titled("demo"), GZIP, bytes.as_slice()) else { panic!("it fits") };
    assert_eq!(fault.reason(), Reason::IoNoSpace, "{fault:?}");
    assert!(fault.to_string().contains("large.bin"), "{fault:?}");
    assert_eq!(snapshot(plugins), before);
}

#[test]
fn a_disk_without_inodes_refuses() {
    let Some(disk) = SmallDisk::mount("size=2m,nr_inodes=6,mode=0755") else {
        eprintln!("SKIPPED: mounting a tmpfs is not allowed here");
        return;
    };
    let bytes = packed(demo().path(), 1);
    let Err(fault) = stage_into(disk.0.path(), &titled("demo"), GZIP, bytes.as_slice()) else { panic!("it fits") };
    assert_eq!(fault.reason(), Reason::IoNoSpace, "{fault:?}");
    assert_eq!(fs::read_dir(disk.0.path()).expect("listed").count(), 0);
}

#[test]
fn a_read_only_file_system_is_named() {
    let Some(disk) = SmallDisk::mount("size=1m,mode=0755") else {
        eprintln!("SKIPPED: mounting a tmpfs is not allowed here");
        return;
    };
    let remounted = Command::new("mount").args(["-o", "remount,ro"]).arg(disk.0.path()).output();
    assert!(remounted.is_ok_and(|output| output.status.success()));
    let fault = StagingDirectory::create(disk.0.path()).expect_err("read-only");
    assert_eq!(fault.reason(), Reason::IoDenied, "{fault:?}");
}
