//! Writing tar headers: ustar, with a PAX record only for a name that ustar cannot hold.

use super::header::BLOCK;

/// What a header says. Owner and group are 0 and nameless, so that the packer's machine leaves no trace.
pub struct Written<'a> {
    /// The whole name; a directory's ends in a slash.
    pub name: &'a str,
    /// The type flag.
    pub kind: u8,
    /// Bytes that follow.
    pub size: u64,
    /// Permission bits.
    pub mode: u32,
    /// Seconds since 1970.
    pub mtime: u64,
}

/// Appends the header, and before it a PAX record when the name needs one.
pub fn write(out: &mut Vec<u8>, header: &Written<'_>) {
    match split(header.name) {
        Some((prefix, name)) => write_block(out, prefix, name, header),
        None => {
            let record = pax_record("path", header.name);
            let pax = Written { name: "pax", kind: b'x', size: record.len() as u64, mode: 0o644, ..*header };
            write_block(out, "", pax.name, &pax);
            out.extend_from_slice(record.as_bytes());
            pad(out, record.len() as u64);
            // Without a slash at the cut: some readers take a name that ends in one for a directory.
            let cut = header.name[..header.name.floor_char_boundary(100)].trim_end_matches('/');
            write_block(out, "", cut, header);
        }
    }
}

/// Appends zeros up to the next block after `size` bytes of content.
pub fn pad(out: &mut Vec<u8>, size: u64) {
    let past = (size % BLOCK as u64) as usize;
    if past != 0 {
        out.resize(out.len() + BLOCK - past, 0);
    }
}

/// Prefix and name, cut at the first slash that makes both fit.
fn split(name: &str) -> Option<(&str, &str)> {
    if name.len() <= 100 {
        return Some(("", name));
    }
    let cut = name.match_indices('/').map(|(at, _)| at).find(|at| (1..=100).contains(&(name.len() - at - 1)))?;
    (1..=155).contains(&cut).then(|| (&name[..cut], &name[cut + 1..]))
}

/// `LENGTH KEY=VALUE\n`, where the length counts its own digits.
fn pax_record(key: &str, value: &str) -> String {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    format!("{length} {key}={value}\n")
}

fn write_block(out: &mut Vec<u8>, prefix: &str, name: &str, header: &Written<'_>) {
    let mut block = [0; BLOCK];
    block[..name.len()].copy_from_slice(name.as_bytes());
    block[345..345 + prefix.len()].copy_from_slice(prefix.as_bytes());
    for (at, digits, number) in [
        (100, 7, u64::from(header.mode)),
        (108, 7, 0),
        (116, 7, 0),
        (124, 11, header.size),
        (136, 11, header.mtime),
        // Device numbers: zeros as Go and GNU tar write them.
        (329, 7, 0),
        (337, 7, 0),
    ] {
        let text = format!("{number:0digits$o}");
        block[at..at + digits].copy_from_slice(text.as_bytes());
    }
    block[156] = header.kind;
    block[257..265].copy_from_slice(b"ustar\x0000");
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    out.extend_from_slice(&block);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pax_length_counts_itself() {
        for length in 1..2000 {
            let record = pax_record("path", &"x".repeat(length));
            let (number, _) = record.split_once(' ').expect("a blank");
            assert_eq!(number.parse::<usize>().expect("a number"), record.len());
        }
    }

    #[test]
    fn long_names_are_split_or_recorded() {
        let deep = format!("{}/{}", "d".repeat(90), "f".repeat(90));
        assert_eq!(split(&deep), Some((&deep[..90], &deep[91..])));
        assert_eq!(split(&"f".repeat(101)), None);
        assert_eq!(split(&format!("{}/f", "d".repeat(200))), None);
        let two_ways = format!("{}/{}/{}", "a".repeat(40), "b".repeat(40), "c".repeat(40));
        assert_eq!(split(&two_ways).expect("fits").0.len(), 40);
    }
}
