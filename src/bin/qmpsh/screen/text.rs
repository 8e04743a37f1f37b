//! The text of VGA's text mode with 80 columns and 25 rows.

use std::collections::HashMap;

use super::picture::Picture;

const COLUMNS: usize = 80;
const ROWS: usize = 25;

/// How many cells may look different from their text: the cursor, and what the guest wrote meanwhile.
const DIFFERENT: usize = 2;

/// The characters of code page 437.
const CP437: [&str; 4] = [
    " ☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼",
    "⌂ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»",
    "░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀",
    "αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■ ",
];

/// A screen of text: a character and its colors for each cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TextScreen {
    cells: Vec<[u8; 2]>,
}

impl TextScreen {
    /// Reads the answer of the human monitor to `xp`. Returns `None` if it has no text: no such memory, or a graphics mode.
    pub(crate) fn read(answer: &str) -> Option<Self> {
        let numbers =
            answer.lines().filter_map(|line| line.split_once(':')).flat_map(|(_, row)| row.split_whitespace());
        let bytes = numbers.map(|number| u8::from_str_radix(number.trim_start_matches("0x"), 16).ok());
        let bytes: Vec<u8> = bytes.collect::<Option<_>>()?;
        let is_uniform = bytes.windows(2).all(|pair| pair[0] == pair[1]);
        if bytes.len() != COLUMNS * ROWS * 2 || is_uniform {
            return None;
        }
        Some(Self { cells: bytes.chunks_exact(2).map(|cell| [cell[0], cell[1]]).collect() })
    }

    /// Returns the lines, without blanks at their ends.
    pub(crate) fn lines(&self) -> Vec<String> {
        let line = |cells: &[[u8; 2]]| cells.iter().map(|[code, _]| character(*code)).collect::<String>();
        self.cells.chunks(COLUMNS).map(|cells| line(cells).trim_end().to_owned()).collect()
    }

    /// Returns the text, without blank lines at its end.
    pub(crate) fn text(&self) -> String {
        self.lines().join("\n").trim_end().to_owned()
    }

    /// Returns true if the picture shows this text: equal cells look the same, and letters differ from their background.
    ///
    /// The memory also has bytes in a graphics mode, and after a change of mode or of the part of the memory that is shown.
    pub(crate) fn is_shown_in(&self, picture: &Picture) -> bool {
        let (width, height) = (picture.width / COLUMNS, picture.height / ROWS);
        if !matches!(width, 8 | 9) || !picture.width.is_multiple_of(COLUMNS) || picture.height != ROWS * 16 {
            return false;
        }
        let mut seen: HashMap<[u8; 2], Vec<u8>> = HashMap::new();
        let mut different = 0;
        for (at, cell) in self.cells.iter().enumerate() {
            let looks = picture.area(at % COLUMNS * width, at / COLUMNS * height, width, height);
            let is_plain = looks.chunks(3).all(|pixel| pixel == &looks[..3]);
            let has_colors = cell[1] & 15 != cell[1] >> 4;
            let is_odd = match cell[0] {
                0 | b' ' => !is_plain,
                0x21..=0x7e => is_plain && has_colors,
                _ => false,
            };
            different += usize::from(is_odd || seen.get(cell).is_some_and(|before| *before != looks));
            seen.entry(*cell).or_insert(looks);
        }
        different <= DIFFERENT
    }

    /// Returns true if the memory looks like text, where no picture can tell.
    pub(crate) fn is_plausible(&self) -> bool {
        let is_visible = |cell: &&[u8; 2]| cell[1] & 15 != cell[1] >> 4 && (cell[0] == 0 || cell[0] >= b' ');
        self.cells.iter().filter(is_visible).count() * 10 >= self.cells.len() * 9
    }
}

/// Returns the character of a code. Source: code page 437.
fn character(code: u8) -> char {
    let code = usize::from(code);
    let (table, at) = match code {
        0..0x20 => (0, code),
        0x20..0x7f => return char::from(u8::try_from(code).unwrap_or(b' ')),
        0x7f..0xb0 => (1, code - 0x7f),
        0xb0..0xe0 => (2, code - 0xb0),
        _ => (3, code - 0xe0),
    };
    CP437[table].chars().nth(at).unwrap_or(' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The answer to `xp` with this text at the top left.
    fn answer(text: &[u8], digits: usize) -> String {
        let mut bytes = [0x20, 7].repeat(COLUMNS * ROWS);
        text.iter().enumerate().for_each(|(at, byte)| bytes[at * 2] = *byte);
        let row = |(at, row): (usize, &[u8])| {
            let row: Vec<_> = row.iter().map(|byte| format!("{byte:#04x}")).collect();
            format!("{:0digits$x}: {}\r\n", 0xb8000 + at * 8, row.join(" "))
        };
        bytes.chunks(8).enumerate().map(row).collect()
    }

    #[test]
    fn the_text_is_decoded() {
        for digits in [8, 16] {
            let screen = TextScreen::read(&answer(b"SeaBIOS \x01 \x9b\xb3\xdb\xff~\x7f", digits)).unwrap();
            assert_eq!(screen.text(), "SeaBIOS ☺ ¢│█ ~⌂");
            assert_eq!(screen.lines().len(), ROWS);
        }
        for code in 0..=255 {
            assert!(!character(code).is_control(), "{code}");
        }
        let count: Vec<_> = CP437.iter().map(|part| part.chars().count()).collect();
        assert_eq!(count, [0x20, 0xb0 - 0x7f, 0x30, 0x20]);
    }

    #[test]
    fn what_is_no_text_is_none() {
        let graphics = answer(b"", 8).replace("0x20", "0xff").replace("0x07", "0xff");
        for text in ["", "000b8000: Cannot access memory\r\n", "000b8000: 0x20 0x07\r\n", &graphics] {
            assert_eq!(TextScreen::read(text), None, "{text}");
        }
    }

    #[test]
    fn a_picture_tells_whether_the_text_is_shown() {
        let screen = TextScreen::read(&answer(b"aab", 8)).unwrap();
        let mut picture = Picture { width: 720, height: 400, pixels: vec![0; 720 * 400 * 3] };
        assert!(!screen.is_shown_in(&picture));
        for cell in 0..3 {
            picture.pixels[(cell * 9 + 4) * 3] = 255;
        }
        // The cursor.
        picture.pixels[720 * 399 * 3] = 255;
        assert!(screen.is_shown_in(&picture) && screen.is_plausible());
        picture.width = 360;
        assert!(!screen.is_shown_in(&picture));
    }
}
