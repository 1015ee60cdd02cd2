//! What is written of registries: whatever the text is, it is read or refused at a place in it, and what was read holds what
//! the client builds on.

#![no_main]

use std::path::Path;

use aisoc_manifests::fault::Reason;
use aisoc_registry_client::RegistrySettings;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|content: &[u8]| {
    let Ok(text) = std::str::from_utf8(content) else { return };
    let read = || RegistrySettings::read(text, "registries.toml", Path::new("/etc/aisoc"));
    let settings = match read() {
        Ok(settings) => settings,
        Err(fault) => {
            assert_eq!(fault.reason(), Reason::RegistrySettingsInvalid, "{fault:?}");
            let place = fault.location().expect("where it stands");
            assert!(place.line >= 1 && place.line <= text.split('\n').count() && place.column >= 1, "{fault:?}");
            assert!(fault.message().len() < 4000 && !fault.message().contains(char::is_control), "{fault:?}");
            return;
        }
    };
    // The directory of certificates is of this machine, and not looked for.
    if text.contains("certs_d") {
        return;
    }
    for host in ["r.example", "R.example:443", "docker.io", "index.docker.io", "localhost:5000", "ghcr.io"] {
        let Some(held) = settings.of(&host.parse().expect("a host")).expect("no file is read") else { continue };
        let setting = held.setting;
        let names_certificates = !setting.authorities.is_empty() || setting.client_certificate.is_some();
        assert!(!(names_certificates && setting.plain_http == Some(true)), "{setting:?}");
        assert!(setting.authorities.iter().all(|file| file.path().is_absolute()), "{setting:?}");
        assert!(setting.mirrors.len() <= 8 && (!setting.mirrors_only || !setting.mirrors.is_empty()), "{setting:?}");
        for (at, mirror) in setting.mirrors.iter().enumerate() {
            assert!(!setting.mirrors[..at].contains(mirror), "{mirror}");
            let own = host.to_lowercase();
            assert!(mirror.prefix.is_some() || mirror.registry.as_str() != own.trim_end_matches(":443"), "{mirror}");
            let written = mirror.to_string();
            assert!(!written.contains(['@', ' ']) && !written.contains("://"), "{written}");
            // As it is written it is read again.
            let text = format!("[registry.\"other.example\"]\nmirrors = [{written:?}]\n");
            let again = RegistrySettings::read(&text, "again", Path::new("/")).expect("our own form");
            let again = again.of(&"other.example".parse().expect("a host")).expect("no file").expect("written");
            assert_eq!(again.setting.mirrors[0].to_string(), written);
        }
    }
});
