//! Writes the seeds of the corpus: `cargo run --example seed`.

use std::path::Path;
use std::{fs, io};

fn main() -> io::Result<()> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let corpus = Corpus { folder: package.join("corpus") };
    let data = package.join("../tests/data");

    let streams: [(&str, u8, &[u8]); 6] = [
        ("lines", 0, b"one\ntwo\r\n\n\rlong enough\nlast"),
        ("mixed", 1, b"7 <13>one<14>two\n9 <15>three5 <16>x<17>y\r\n<18>z\0<19>last"),
        ("counted", 1, b"9 <13>a\nb\n\n10 <13>a\n\nb\r\n6 <1>\nc\n9999999999 <13>abc"),
        ("numbers", 1, b"42\n7 dwarfs\n12345678901 <13>x\n0 <1>\n1x\n3"),
        ("prefixed", 2, b"\0\0\0\x03abc\0\0\0\0\0\0\0\x02\n\0\0\0"),
        ("characters", 0, "abcä😀b\n\u{20ac}\n".as_bytes()),
    ];
    for (name, framing, stream) in streams {
        for (suffix, options, limit) in [("", 0, 200), ("_truncated", 0, 4), ("_split", 0x30, 3)] {
            // Options go by threes; 0x30 leaves the rest of a division by three as it is.
            let head = [framing + options, limit, 2];
            corpus.write("framing", &format!("{name}{suffix}"), &[&head, stream].concat())?;
        }
    }

    let table: serde_json::Value = serde_json::from_slice(&fs::read(data.join("syslog/messages.json"))?)?;
    for (index, case) in table.as_array().into_iter().flatten().enumerate() {
        let line = case["line"].as_str().unwrap_or_default();
        corpus.write("syslog", &format!("{index:03}"), &[&[index as u8], line.as_bytes()].concat())?;
    }

    for name in ["values-0", "values-1", "values-2", "values-4", "values-5", "record-1", "record-2"] {
        corpus.write("pickle", name, &fs::read(data.join(format!("pickle/{name}.pickle")))?)?;
    }
    let pickles: [(&str, &[u8]); 7] = [
        ("global", b"cposix\nsystem\np0\n(Vtouch /tmp/x\np1\ntp2\nRp3\n."),
        ("stack_global", b"\x80\x04\x8c\x05posix\x94\x8c\x06system\x94\x93\x94\x8c\x04true\x94\x85\x94R\x94."),
        ("laughs", b"]q\0](h\0h\0h\0eq\x01](h\x01h\x01h\x01eq\x02](h\x02h\x02h\x02e."),
        ("cycle", b"]q\0h\0a."),
        ("sets", b"\x80\x05\x8f(K\x01\x90(NNN\x91\x86\x88\x89\x87210N."),
        ("numbers", b"(I01\nI-5\nL999999999999999999999999999999999999999999L\nFinf\nGABCDEFGH\x8a\x02\xff\0t."),
        (
            "percent",
            b"}(X\x03\0\0\0msgX\x12\0\0\0%5.1f %-4s %(a)d %xX\x04\0\0\0argsG?\xf0\0\0\0\0\0\0X\x01\0\0\0yK\x03\x87u.",
        ),
    ];
    for (name, seed) in pickles {
        corpus.write("pickle", name, seed)?;
    }

    let v4 = [192, 0, 2, 7, 198, 51, 100, 1, 0xdc, 0x04, 0x13, 0xb4];
    let v6 = [&[0x20, 1, 0xd, 0xb8], &[0; 27][..], &[1, 0, 80, 0x13, 0xb4]].concat();
    // The kinds are a checksum, the name of a server, and what is known of TLS.
    let more =
        [&v4[..], b"\x03\0\x04abcd\x02\0\x0bexample.org\x20\0\x0f\x01\0\0\0\0\x21\0\x07TLSv1.3"].concat();
    let headers = [
        ("line_4", b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 5044\r\n".to_vec()),
        ("line_6", b"PROXY TCP6 2001:db8::7 ::ffff:192.0.2.1 1 65535\r\n".to_vec()),
        ("line_unknown", b"PROXY UNKNOWN ffff::f ffff::f 65535 65535\r\n".to_vec()),
        ("line_wrong", b"PROXY TCP4 192.0.2.7 ::1 +1 65536\r\n".to_vec()),
        ("line_endless", [&b"PROXY UNKNOWN "[..], &[b'x'; 100]].concat()),
        ("binary_4", binary(0x21, 0x11, &v4)),
        ("binary_6", binary(0x21, 0x21, &v6)),
        ("binary_more", binary(0x21, 0x11, &more)),
        ("binary_unix", binary(0x21, 0x31, &[b'/'; 216])),
        ("binary_local", binary(0x20, 0, b"")),
        ("binary_short", binary(0x21, 0x21, &v4)),
        ("binary_version", binary(0x12, 0x11, &v4)),
        ("none", b"<13>a line of syslog\n".to_vec()),
    ];
    for (name, header) in headers {
        corpus.write("proxy_protocol", name, &[b"\x85", &header[..], b"PROXY behind it\r\n"].concat())?;
    }
    Ok(())
}

/// A header of the PROXY protocol, version 2.
fn binary(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
    [b"\r\n\r\n\0\r\nQUIT\n", &[command, family, 0, body.len() as u8][..], body].concat()
}

struct Corpus {
    folder: std::path::PathBuf,
}

impl Corpus {
    fn write(&self, target: &str, name: &str, seed: &[u8]) -> io::Result<()> {
        let folder = self.folder.join(target);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(format!("{name}.bin")), seed)
    }
}
