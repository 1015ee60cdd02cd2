//! Distributions that a plugin brings along: wheels, by their names (PEP 427), and unpacked ones, by the directory of
//! their metadata.

use std::collections::BTreeSet;
use std::str::FromStr as _;

use aisoc_manifests::path::RelPath;
use pep440_rs::Version;

use super::distribution::{Distribution, Hash, Name};

/// The distribution that a file is, or whose metadata it is; nothing of every other file.
pub(super) fn distribution(path: &RelPath, sha256: String) -> Option<Result<Distribution, String>> {
    if let Some(name) = path.file_name().strip_suffix(".whl") {
        let parts: Vec<&str> = name.split('-').collect();
        return Some(match parts[..] {
            [name, version, _, _, _] | [name, version, _, _, _, _] => stated(name, version, Some(sha256)),
            _ => Err("is not named as a wheel is".to_owned()),
        });
    }
    if path.file_name() != "METADATA" {
        return None;
    }
    let parent = path.parent()?;
    let (name, version) = parent.file_name().strip_suffix(".dist-info")?.rsplit_once('-')?;
    Some(stated(name, version, None))
}

fn stated(name: &str, version: &str, sha256: Option<String>) -> Result<Distribution, String> {
    let name = Name::of(name).ok_or("has the name of no distribution")?;
    let version = Version::from_str(version).map_err(|_| "is of no version".to_owned())?.to_string();
    let hashes: BTreeSet<Hash> = sha256.map(Hash::sha256).into_iter().collect();
    Ok(Distribution { name, version: Some(version), requirement: None, hashes, is_direct: true })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wheel_and_the_metadata_of_what_is_unpacked_name_what_they_are() {
        let of = |path: &str| distribution(&RelPath::parse(path).expect(path), "0".repeat(64));
        for (path, name, version, hashes) in [
            ("wheels/idna-3.10-py3-none-any.whl", "idna", "3.10", 1),
            ("ruamel.yaml-0.18.6-1build-cp313-cp313-linux_x86_64.whl", "ruamel-yaml", "0.18.6", 1),
            ("typing_extensions-4.12.2-py3-none-any.whl", "typing-extensions", "4.12.2", 1),
            ("vendor/idna-3.10.dist-info/METADATA", "idna", "3.10", 0),
        ] {
            let found = of(path).expect(path).expect(path);
            assert_eq!((found.name.as_str(), found.version.as_deref()), (name, Some(version)), "{path}");
            assert_eq!(found.hashes.len(), hashes, "{path}");
        }
        for path in ["METADATA", "vendor/METADATA", "idna-3.10.dist-info/RECORD", "plugin.py", "idna-3.10.tar.gz"] {
            assert_eq!(of(path), None, "{path}");
        }
        for path in
            ["idna.whl", "idna-3.10.whl", "idna-three-py3-none-any.whl", "a-1-2-3-4-5-6.whl", "-1-py3-none-any.whl"]
        {
            assert!(of(path).expect(path).is_err(), "{path}");
        }
    }
}
