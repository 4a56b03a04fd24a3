use std::fs;

/// The name of this machine as the kernel knows it; `localhost` where it knows none.
pub(crate) fn host_name() -> String {
    match hostname::get() {
        Ok(name) if !name.is_empty() => name.to_string_lossy().into_owned(),
        _ => "localhost".to_owned(),
    }
}

/// The name of this machine with its domain, if the name itself or the hosts file tells it.
pub(crate) fn full_host_name() -> String {
    let name = host_name();
    if name.contains('.') {
        return name;
    }
    let hosts = fs::read(HOSTS_FILE).unwrap_or_default();
    full_name_in(&String::from_utf8_lossy(&hosts), &name).unwrap_or(name)
}

/// The first `name.some.domain` that stands on one line with `name`, as hosts(5) has it.
fn full_name_in(hosts: &str, name: &str) -> Option<String> {
    let is_full = |candidate: &&str| {
        candidate
            .split_once('.')
            .is_some_and(|(first, domain)| first.eq_ignore_ascii_case(name) && !domain.is_empty())
    };
    hosts.lines().find_map(|line| {
        let entry = line.split('#').next().unwrap_or_default();
        let names = || entry.split_whitespace().skip(1);
        let is_listed = names().any(|listed| listed.eq_ignore_ascii_case(name));
        let full = names().find(is_full)?;
        is_listed.then(|| full.to_owned())
    })
}

#[cfg(not(windows))]
const HOSTS_FILE: &str = "/etc/hosts";
#[cfg(windows)]
const HOSTS_FILE: &str = r"C:\Windows\System32\drivers\etc\hosts";

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(hosts: &str, expected: Option<&str>) {
        assert_eq!(full_name_in(hosts, "vm").as_deref(), expected);
    }

    #[test]
    fn full_name_stands_beside_the_short_one() {
        check("127.0.0.1 localhost\n127.0.1.1\tvm.example.org vm\n", Some("vm.example.org"));
        check("10.0.0.7 VM other vm.example.org # comment", Some("vm.example.org"));
    }

    #[test]
    fn other_names_are_not_taken_for_it() {
        check("127.0.0.1 localhost.localdomain localhost vm", None);
        check("10.0.0.7 other.example.org other", None);
        check("# 127.0.1.1 vm.example.org vm", None);
        check("10.0.0.8 vm.example.org", None);
        check("", None);
    }

    #[test]
    fn there_is_always_a_name() {
        assert!(!host_name().is_empty());
        assert!(full_host_name().starts_with(&host_name()));
    }
}
