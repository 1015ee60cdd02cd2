//! The bytecode that Python writes beside what it imports: told apart for the words of a refusal, and refused as any
//! other file that nobody signed.

/// How a host is run so that its Python leaves no bytecode where a plugin is.
pub const WITHOUT_BYTECODE: &str =
    "run the host with `PYTHONDONTWRITEBYTECODE=1` or `PYTHONPYCACHEPREFIX=DIR`, or as a user who cannot write there";

/// Whether Python writes a file of that name when it imports the source beside it. Nothing follows from it but
/// what is said: bytecode runs instead of its source, whoever wrote it.
pub fn is_bytecode_cache(path: &str) -> bool {
    let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
    (directory == "__pycache__" || directory.ends_with("/__pycache__")) && name.ends_with(".pyc")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_python_writes_is_told_by_its_place_and_its_suffix() {
        for name in ["__pycache__/plugin.cpython-311.pyc", "a/b/__pycache__/c.cpython-313.opt-2.pyc"] {
            assert!(is_bytecode_cache(name), "{name}");
        }
        for name in ["plugin.pyc", "__pycache__/x.py", "__pycache__/x.so", "my__pycache__/x.pyc", "__pycache__/a/x.pyc"]
        {
            assert!(!is_bytecode_cache(name), "{name}");
        }
    }
}
