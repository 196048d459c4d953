"""Pictures without a library: rows of RGB, letters, PNG.

A row is bytes, 3 of them a pixel; a picture is a list of rows of one length."""
import struct
import zlib

WHITE, PAPER, GREY, BLACK = b"\xff" * 3, b"\xf2" * 3, b"\xb0" * 3, b"\0" * 3
BLUE = b"\x1f\x5f\xbf"
WIDE, HIGH = 6, 11              # of a letter, with the space about it

# The letters of ASCII from space on: nine rows of five bits, each a digit of base 32.
GLYPHS = (
    "000000000444440400aaa000000aavavaa004fke5u400op248j300cik8lid00440000000248884200"
    "84222480004lel4000044v44000000006480000v0000000000cc0001248g000ehjlphe004c4444e00"
    "eh1248v00eh161he0026aiv2200vgu11he0068guhhe00v12444400ehhehhe00ehhf12c000cc0cc000"
    "0cc0c4800248g8420000v0v0000842124800eh1240400ehnlmgf004ahhvhh00uhhuhhu00ehggghe00"
    "uhhhhhu00vgguggv00vgguggg00ehgnhhf00hhhvhhh00e44444e0072222ic00hikokih00ggggggv00"
    "hrllhhh00hhpljhh00ehhhhhe00uhhuggg00ehhhlid00uhhukih00fgge11u00v44444400hhhhhhe00"
    "hhhhha400hhhllrh00hha4ahh00hha444400v1248gv00e88888e000g8421000e22222e004ah000000"
    "0000000v084000000000e1fhf00ggmphhu0000ehghe0011djhhf0000ehvge00698s8880000fhhhf1e"
    "ggmphhh0040c444e002062222icggikoki00c44444e0000qllll0000mphhh0000ehhhe0000uhhhugg"
    "00fhhhf1100mpggg0000ege1u0088s88960000hhhjd0000hhha40000hhlla0000ha4ah0000hhhhf1e"
    "00v248v002448442004444444008442448000009li000")
UNKNOWN = "vhhhhhv00"


def glyph(letter):
    at = 9 * (ord(letter) - 32)
    return GLYPHS[at:at + 9] if 0 <= at < len(GLYPHS) else UNKNOWN


class Canvas:
    """A picture to draw on. What does not fit is cut off."""

    def __init__(self, width, height, colour=WHITE):
        self.rows = [bytearray(colour * width) for _ in range(height)]
        self.width, self.height = width, height

    def fill(self, left, top, width, height, colour):
        """A rectangle; at least a pixel."""
        left, right = max(left, 0), min(left + max(width, 1), self.width)
        for row in self.rows[max(top, 0):max(top, 0) + max(height, 1)]:
            row[3 * left:3 * right] = colour * (right - left)

    def paste(self, rows, left, top):
        for row, below in zip(rows, self.rows[top:]):
            below[3 * left:3 * left + len(row)] = row

    def text(self, text, left, top):
        for letter in text[:max(self.width - left, 0) // WIDE]:
            for y, digit in enumerate(glyph(letter)):
                for x in range(5):
                    if int(digit, 32) >> 4 - x & 1:
                        self.fill(left + x, top + 1 + y, 1, 1, BLACK)
            left += WIDE


def enlarged(rows, zoom):
    """Each pixel as zoom x zoom of them."""
    if zoom == 1:
        return rows
    wide = (b"".join(row[i:i + 3] * zoom for i in range(0, len(row), 3)) for row in rows)
    return [row for row in wide for _ in range(zoom)]


def png(rows):
    """The bytes of a PNG file: RGB, 8 bits."""
    def chunk(kind, data):
        return (struct.pack(">I", len(data)) + kind + data
                + struct.pack(">I", zlib.crc32(kind + data)))
    header = struct.pack(">IIBBBBB", len(rows[0]) // 3, len(rows), 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels)
            + chunk(b"IEND", b""))
