//! A distribution as an installer has left it: three texts in one `*.dist-info`.

#![no_main]

use std::cell::RefCell;
use std::fs;
use std::path::Path;

use aisoc_discovery::{Discovery, Sources, discover, distribution_hash};
use aisoc_packaging::Limits;
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

const FILES: [&str; 3] = ["entry_points.txt", "METADATA", "RECORD"];

thread_local! {
    static SITE: RefCell<TempDir> = RefCell::new(TempDir::new().expect("a directory"));
}

fn found(site: &Path, texts: &[&[u8]]) -> Discovery {
    let dist_info = site.join("x-1.dist-info");
    fs::create_dir_all(&dist_info).expect("made");
    for (index, file) in FILES.iter().enumerate() {
        let path = dist_info.join(file);
        match texts.get(index) {
            Some(text) => fs::write(&path, text).expect("written"),
            None => drop(fs::remove_file(&path)),
        }
    }
    let sources = Sources { site_packages: vec![site.to_owned()], ..Sources::default() };
    discover(&sources, &Limits::default()).expect("not interrupted")
}

/// What a lock would compare, and what is refused.
fn told(discovery: &Discovery) -> (Vec<[String; 5]>, Vec<String>) {
    let plugin = |plugin: &aisoc_discovery::Discovered| {
        let aisoc_discovery::Discovered { id, version, package, entry_point, hash, .. } = plugin;
        [id, version, package, entry_point, hash].map(String::clone)
    };
    let failed = discovery.failed.iter().map(|failed| failed.fault.reason().to_string());
    (discovery.plugins.iter().map(plugin).collect(), failed.collect())
}

fuzz_target!(|data: &[u8]| {
    let texts: Vec<&[u8]> = data.splitn(3, |byte| *byte == 0).collect();
    SITE.with_borrow(|site| {
        let discovery = found(site.path(), &texts);
        for plugin in &discovery.plugins {
            let (module, object) = plugin.entry_point.split_once(':').expect("a colon");
            assert!(!module.is_empty() && !object.is_empty(), "{plugin:?}");
            let shown = [&plugin.id, &plugin.version, &plugin.package, &plugin.entry_point];
            assert!(shown.iter().all(|text| (1..=256).contains(&text.len()) && !text.contains(char::is_control)));
            let hash = distribution_hash(texts.get(1).copied(), texts.get(2).copied()).expect("it was read");
            assert_eq!(plugin.hash, hash);
        }
        for failed in &discovery.failed {
            assert!(failed.fault.message().len() < 2000 && !failed.fault.message().contains('\n'), "{failed:?}");
        }
        // What ends a line is the installer's choice, and changes nothing.
        let ends = |text: &[u8]| {
            let text = String::from_utf8_lossy(text).replace("\r\n", "\n").replace('\r', "\n");
            text.replace('\n', "\r\n").into_bytes()
        };
        if texts.iter().all(|text| std::str::from_utf8(text).is_ok()) {
            let other: Vec<Vec<u8>> = texts.iter().map(|text| ends(text)).collect();
            let other: Vec<&[u8]> = other.iter().map(Vec::as_slice).collect();
            assert_eq!(told(&found(site.path(), &other)), told(&discovery));
        }
    });
});
