//! How far a transfer is, in words: never wider than the terminal.

/// Below so many bytes in a second there is nothing to reckon with.
const STANDSTILL: f64 = 1.0;
/// Longer than this is a guess.
const LONGEST_SECONDS: f64 = 99.0 * 3600.0;
/// How wide the drawn part is.
const BAR: usize = 24;

/// `     Pushing 40.0 of 300.0 MiB [===>    ] 4.0 MiB/s, 65 s left`, as much of it as fits in one line of the terminal.
/// Its last column stays free: some terminals go to the next line as soon as it is written.
pub(super) fn line(verb: &str, done: u64, total: u64, per_second: f64, columns: usize) -> String {
    let room = columns.saturating_sub(1);
    let mut text = format!("{verb:>12} {}", part(done, total));
    if text.len() > room {
        text = format!("{verb} {} %", percent(done, total));
    }
    let pace = pace(done, total, per_second).map_or(String::new(), |pace| format!(" {pace}"));
    let drawn = format!(" [{}]", drawn(done, total));
    for more in [pace, drawn] {
        if text.len() + more.len() <= room {
            text.push_str(&more);
        }
    }
    text.truncate(room);
    text
}

/// `40.0 of 300.0 MiB, 4.0 MiB/s, 65 s left`
pub(super) fn said(done: u64, total: u64, per_second: f64) -> String {
    let pace = pace(done, total, per_second).map_or(String::new(), |pace| format!(", {pace}"));
    format!("{}{pace}", part(done, total))
}

/// `4.0 MiB/s, 65 s left`; nothing while nothing moves.
fn pace(done: u64, total: u64, per_second: f64) -> Option<String> {
    if !per_second.is_finite() || per_second < STANDSTILL || done >= total {
        return None;
    }
    let rate = amount(per_second, unit(per_second));
    let left = (total - done) as f64 / per_second;
    let left = if left < LONGEST_SECONDS { format!(", {} left", duration(left)) } else { String::new() };
    Some(format!("{rate}/s{left}"))
}

/// `40.0 of 300.0 MiB`, in the unit of the whole, so that the two can be compared.
fn part(done: u64, total: u64) -> String {
    let unit = unit(total as f64);
    let whole = amount(total as f64, unit);
    let number = amount(done as f64, unit);
    format!("{} of {whole}", number.split(' ').next().unwrap_or_default())
}

/// A name and its number of bytes: the largest of which there is one.
fn unit(bytes: f64) -> (&'static str, f64) {
    let units = [("GiB", 1_073_741_824.0), ("MiB", 1_048_576.0), ("KiB", 1024.0)];
    units.into_iter().find(|(_, size)| bytes >= *size).unwrap_or(("B", 1.0))
}

fn amount(bytes: f64, (name, size): (&str, f64)) -> String {
    match size > 1.0 {
        true => format!("{:.1} {name}", bytes / size),
        false => format!("{bytes:.0} {name}"),
    }
}

fn duration(seconds: f64) -> String {
    let seconds = seconds.ceil() as u64;
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h", seconds.div_ceil(3600)),
    }
}

fn percent(done: u64, total: u64) -> u64 {
    (u128::from(done) * 100).checked_div(u128::from(total)).map_or(0, |percent| percent.min(100) as u64)
}

fn drawn(done: u64, total: u64) -> String {
    let full = usize::try_from(percent(done, total)).unwrap_or_default() * BAR / 100;
    let head = if full < BAR { ">" } else { "" };
    format!("{:<BAR$}", "=".repeat(full) + head)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn a_line_says_how_much_how_fast_and_how_long() {
        let whole = line("Pushing", 40 * MIB, 300 * MIB, 4.0 * MIB as f64, 80);
        assert_eq!(whole, "     Pushing 40.0 of 300.0 MiB 4.0 MiB/s, 65 s left [===>                    ]");
        assert_eq!(
            line("Pushing", 300 * MIB, 300 * MIB, 1e6, 80),
            "     Pushing 300.0 of 300.0 MiB [========================]"
        );
        assert_eq!(said(40 * MIB, 300 * MIB, 4.0 * MIB as f64), "40.0 of 300.0 MiB, 4.0 MiB/s, 65 s left");
        assert_eq!(said(0, 300 * MIB, 0.0), "0.0 of 300.0 MiB", "nothing moves: nothing is foretold");
        assert_eq!(said(5, 10, 1.0), "5 of 10 B, 1 B/s, 5 s left");
        assert_eq!(said(1 << 30, 3 << 30, 1024.0 * 1024.0), "1.0 of 3.0 GiB, 1.0 MiB/s, 35 min left");
        assert_eq!(said(0, u64::MAX, 1.0), "0.0 of 17179869184.0 GiB, 1 B/s", "longer than anybody waits");
        for odd in [f64::NAN, f64::INFINITY, -1.0] {
            assert_eq!(said(1, 2, odd), "1 of 2 B");
        }
    }

    #[test]
    fn no_line_wraps_whatever_the_terminal() {
        for columns in 0..=200 {
            for (done, total) in [(0, 0), (0, 1), (1, 1), (40 * MIB, 300 * MIB), (u64::MAX, u64::MAX), (2, 1)] {
                for verb in ["Pushing", "Fetching"] {
                    let line = line(verb, done, total, 123_456_789.0, columns);
                    assert!(line.is_ascii() && line.len() <= columns.saturating_sub(1), "{columns}: {line}");
                    assert!(columns < 20 || line.contains(verb), "{columns}: {line}");
                }
            }
        }
        assert_eq!(line("Pushing", 40 * MIB, 300 * MIB, 1e6, 20), "Pushing 13 %");
    }
}
