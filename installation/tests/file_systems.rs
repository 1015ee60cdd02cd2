//! File systems that are not what they look like: layers, mounts inside of trees, paths that change.

mod common;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use aisoc_installation::Site;
use aisoc_manifests::fault::Reason;
use common::versions::{access, current, id, install, source, tidy};
use common::{GZIP, activate, admission, collect_garbage, packed, record, snapshot, stage_into, titled, uninstall};
use rustix::fs::{CWD, RenameFlags};

/// Something mounted, until it is dropped; `None` where mounting is not allowed.
struct Mounted(PathBuf);

impl Mounted {
    fn mount(point: &Path, kind: &str, options: &str) -> Option<Self> {
        let mounted = Command::new("mount").args(["-t", kind, "-o", options, "none"]).arg(point).output();
        mounted.is_ok_and(|output| output.status.success()).then(|| Self(point.to_owned()))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).output();
    }
}

#[test]
fn a_plugin_of_another_layer_is_refused_and_stays() {
    let top = tempfile::tempdir().expect("a directory");
    // The upper layer cannot be on an overlay itself, as in a container.
    let Some(_memory) = Mounted::mount(top.path(), "tmpfs", "size=8m,mode=0755") else {
        eprintln!("SKIPPED: mounting is not allowed here");
        return;
    };
    let [lower, upper, work, plugins] = ["lower", "upper", "work", "plugins"].map(|name| top.path().join(name));
    for directory in [&lower, &upper, &work, &plugins] {
        fs::create_dir(directory).expect("made");
    }
    install(&lower, "1.0.0", 1);
    let layers = format!("lowerdir={},upperdir={},workdir={}", lower.display(), upper.display(), work.display());
    let Some(_layers) = Mounted::mount(&plugins, "overlay", &layers) else {
        eprintln!("SKIPPED: no overlay can be mounted here");
        return;
    };
    let staged = stage_into(&plugins, &titled("demo"), GZIP, packed(source("1.1.0").path(), 1).as_slice());
    let staged = staged.expect("staged");
    let (admitted, record) = (admission(&staged), record(&staged, "1.1.0"));
    let fault = activate(admitted, staged, &record, 1, &access()).expect_err("another layer");
    assert_eq!(fault.reason(), Reason::ExchangeUnsupported, "{fault:?}");
    let fault = uninstall(&plugins, &id(), &access()).expect_err("another layer");
    assert_eq!(fault.reason(), Reason::ExchangeUnsupported, "{fault:?}");
    assert_eq!(current(&plugins), "1.0.0");
    tidy(&plugins);
}

/// The directory of that name somewhere below.
fn find(root: &Path, name: &str) -> Option<PathBuf> {
    let entries = fs::read_dir(root).ok()?.flatten().filter(|entry| entry.path().is_dir());
    entries.map(|entry| entry.path()).find_map(|path| if path.ends_with(name) { Some(path) } else { find(&path, name) })
}

#[test]
fn what_cannot_be_removed_is_out_of_sight_and_named_until_it_can() {
    let plugins = tempfile::tempdir().expect("a directory");
    let plugins = plugins.path();
    install(plugins, "1.0.0", 1);
    let point = plugins.join("demo/mounted");
    fs::create_dir(&point).expect("made");
    let Some(mut mounted) = Mounted::mount(&point, "tmpfs", "size=64k") else {
        eprintln!("SKIPPED: mounting is not allowed here");
        return;
    };
    let leftovers = uninstall(plugins, &id(), &access()).expect("uninstalled");
    mounted.0 = find(plugins, "mounted").expect("it went with the tree");
    assert!(!plugins.join("demo").exists());
    let [leftover] = leftovers.as_slice() else { panic!("one: {leftovers:?}") };
    assert!(leftover.starts_with(plugins) && mounted.0.starts_with(leftover), "{leftovers:?}");
    assert_eq!(collect_garbage(plugins, 1, &access()).expect("collected").leftovers, leftovers);
    drop(mounted);
    assert!(collect_garbage(plugins, 1, &access()).expect("collected").leftovers.is_empty());
    tidy(plugins);
}

#[test]
fn a_parent_exchanged_for_a_link_while_a_tree_is_removed_leads_nowhere() {
    let top = tempfile::tempdir().expect("a directory");
    let victim = top.path().join("victim");
    for number in 0..32 {
        common::write(&victim, &[(&format!("{number}"), "mine")]);
    }
    let before = snapshot(&victim);
    let exchanged = AtomicBool::new(false);
    for round in 0..50 {
        let plugins = top.path().join(format!("plugins-{round}"));
        let tree = plugins.join(".aisoc-staging-killed/tree");
        for number in 0..32 {
            common::write(&tree, &[(&format!("directory/{number}"), "old")]);
        }
        symlink(&victim, tree.join("link")).expect("linked");
        common::abandon_staging(&plugins);
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                let (directory, link) = (tree.join("directory"), tree.join("link"));
                while !done.load(Ordering::Relaxed) {
                    if rustix::fs::renameat_with(CWD, &directory, CWD, &link, RenameFlags::EXCHANGE).is_ok() {
                        exchanged.store(true, Ordering::Relaxed);
                    }
                }
            });
            let collected = Site::at(&plugins).collect_garbage(1, &access());
            done.store(true, Ordering::Relaxed);
            collected.expect("collected");
        });
        // What could not be removed meanwhile is removed now.
        collect_garbage(&plugins, 1, &access()).expect("collected");
        assert!(!plugins.join(".aisoc-staging-killed").exists());
        assert_eq!(snapshot(&victim), before);
    }
    assert!(exchanged.load(Ordering::Relaxed), "it was never exchanged");
}
