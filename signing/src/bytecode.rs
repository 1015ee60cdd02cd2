//! The bytecode that Python writes beside what it imports: told apart for the words of a refusal, and refused as any
//! other file that nobody signed.

/// How a host is run so that its Python leaves no bytecode where a plugin is. Who wrote what is there, nobody can say.
pub const WITHOUT_BYTECODE: &str = "a host's Python may have written the bytecode: run the host with \
     `PYTHONDONTWRITEBYTECODE=1` or `PYTHONPYCACHEPREFIX=DIR`, or as a user who cannot write there";

/// Whether `path` is where Python keeps the bytecode of a source for which `is_there` says that the tree holds it
/// (PEP 3147, PEP 488). Nothing follows from it but what is said: bytecode runs instead of its source, whoever wrote
/// it.
pub fn is_bytecode_of_source(path: &str, is_there: impl Fn(&str) -> bool) -> bool {
    source(path).is_some_and(|source| is_there(&source))
}

/// `a/x.py` of `a/__pycache__/x.cpython-311.pyc`, also where it is optimized.
fn source(path: &str) -> Option<String> {
    let (directory, name) = path.rsplit_once('/')?;
    let above = directory.strip_suffix("__pycache__").filter(|above| above.is_empty() || above.ends_with('/'))?;
    let name = name.strip_suffix(".pyc")?;
    let name = [".opt-1", ".opt-2"].iter().find_map(|level| name.strip_suffix(level)).unwrap_or(name);
    let (module, tag) = name.rsplit_once('.')?;
    let is_tag = !tag.is_empty() && tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    (is_tag && !module.is_empty()).then(|| format!("{above}{module}.py"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytecode_is_that_of_a_source_beside_its_directory() {
        for (path, of) in [
            ("__pycache__/plugin.cpython-311.pyc", "plugin.py"),
            ("a/b/__pycache__/c.cpython-313.opt-2.pyc", "a/b/c.py"),
            ("a/__pycache__/c.pypy310.opt-1.pyc", "a/c.py"),
            ("__pycache__/a.b.cpython-313t.pyc", "a.b.py"),
        ] {
            assert!(is_bytecode_of_source(path, |there| there == of), "{path}");
            assert!(!is_bytecode_of_source(path, |there| there != of), "{path}");
        }
    }

    #[test]
    fn what_python_would_not_write_there_is_not_told_to_be_bytecode() {
        for path in [
            "plugin.pyc",
            "plugin.cpython-311.pyc",
            "__pycache__/x.py",
            "__pycache__/x.cpython-311.so",
            "__pycache__/x.pyc",
            "__pycache__/x.opt-1.pyc",
            "__pycache__/.cpython-311.pyc",
            "__pycache__/x..pyc",
            "__pycache__/x.cpython 311.pyc",
            "__pycache__/x.cpython-311.pyc/",
            "my__pycache__/x.cpython-311.pyc",
            "__pycache__/a/x.cpython-311.pyc",
        ] {
            assert!(!is_bytecode_of_source(path, |_| true), "{path}");
        }
    }
}
