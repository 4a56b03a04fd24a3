//! Writes the seeds of the corpus: `cargo run --example seed`.

use std::path::Path;
use std::{fs, io};

fn main() -> io::Result<()> {
    let corpus = Corpus { folder: Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus") };

    let values: [(&str, &[u8]); 12] = [
        ("numbers", b"\x01a\x02\xff\xff\xff\xff\x5f\x01b\x04\xff\xff\xff\xff\x60\x01c\x05\x00\x00\xc0\x7f"),
        ("floats", b"\x01a\x06\x00\x00\xf0\x7f\x00\x00\x00\x00\x01b\x06\x01\x00\x00\x00\x00\x00\x00\x00"),
        (
            "texts",
            b"\x03a\"b\x08\x07z\xc3\xab\n\"\\\x00\x01b\x07\x28\x20\x00\x00\x01c\x09\x04\xff\xed\xa0\x80",
        ),
        ("failing", b"\x01a\x0a\x04half\x01b\x11\x02\x01x\x0a\x03bad\x01y\x00"),
        ("errors", b"\x0derror_message\x00\x05error\x0c\x05cause\x04lost\x03err\x0b\x04more"),
        (
            "reserved",
            b"\x04host\x01\x00\x05line_\x00\x04line\x00\x07message\x08\x04mine\x09truncated\x00\x05extra\x00",
        ),
        ("twice", b"\x01a\x00\x01a\x01\x00\x01a\x11\x03\x01b\x00\x01b\x00\x01c\x12\x00"),
        ("nested", b"\x01a\x10\x02\x10\x01\x10\x01\x11\x01\x01b\x0f\x0f\x12\x08\x04deep\x00"),
        ("deep", &[b"\x01a".as_slice(), &[0x0f; 90]].concat()),
        (
            "long",
            b"\x01a\x0e\x10a long text\x22\x0a\x01\x02\x03\x04\xff\x01b\x0e\x04\xf0\x9f\x98\x80\xff\x01c\x00",
        ),
        ("secret", b"\x08password\x08\x02pw\x04user\x11\x01\x08Password\x08\x01x\x08a.secret\x00"),
        ("times", b"\x01t\x0d\x80\x51\x01\x00\x01d\x03\xff\xff\xff\xff\x5e\x01e\x02\x01\x00\x00\x00\x40"),
    ];
    for (name, fields) in values {
        for options in [0, 0b11_1111, 0b100_0000, 0b111_1111] {
            // No limits but the smallest event, no rules.
            let head = [&[options, 255, 255, 255, 255, 0, 0, 8, 5][..], b"hello\x04shop\x80\x51\x01\x00"];
            corpus.write("event", &format!("{name}_{options}"), &[&head.concat(), fields].concat())?;
        }
        let limits = [1, 2, 3, 20, 1, 255, 3, 0];
        let rules =
            b"\x0a*.password\x01\x01a\x02\x04host\x07message\x0e\x05m\n\xc3\xa4b\xff\x02lo\x00\x00\x00\x00";
        corpus.write("event", &format!("{name}_limited"), &[&limits[..], rules, fields].concat())?;
    }

    let masking: [(&str, &[u8]); 6] = [
        ("literal", b"\x00\x00\x02secret"),
        ("classes", br"\d+[a-z]*\x00"),
        ("cards", b"\x10\\d{4}(-\\d{4}){3}\x02a*\x014111-1111-1111-1111 aab"),
        ("refused", b"\x01(\x0c(\\w{99}){99}\x03abc(("),
        ("often", b"\x09[^y]*y|x\n\x00\xff\x20xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ("unicode", "\x04ß|ä\x04\\b\\B\x05\x08größe🕴".as_bytes()),
    ];
    for (name, seed) in masking {
        corpus.write("masking", name, seed)?;
    }
    Ok(())
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
