"""The allow-list: the only elements whose values are ever read."""

from enum import IntEnum


class _Element(IntEnum):
    def __str__(self) -> str:
        return f"{self.name} ({self.value >> 16:04X},{self.value & 0xFFFF:04X})"


class Tag(_Element):
    """What a film is read from: numbers, code values and coded words, none of which names a person.

    Text that people type (descriptions, comments, names of protocols, of institutions) is left out on purpose.
    """

    TransferSyntaxUID = 0x00020010
    SOPClassUID = 0x00080016
    Modality = 0x00080060
    PresentationIntentType = 0x00080068
    CodeValue = 0x00080100
    BodyPartExamined = 0x00180015
    EstimatedRadiographicMagnificationFactor = 0x00181114
    ImagerPixelSpacing = 0x00181164
    ViewPosition = 0x00185101
    Laterality = 0x00200060
    ImageLaterality = 0x00200062
    SamplesPerPixel = 0x00280002
    PhotometricInterpretation = 0x00280004
    PlanarConfiguration = 0x00280006
    NumberOfFrames = 0x00280008
    Rows = 0x00280010
    Columns = 0x00280011
    PixelSpacing = 0x00280030
    BitsAllocated = 0x00280100
    BitsStored = 0x00280101
    HighBit = 0x00280102
    PixelRepresentation = 0x00280103
    PixelPaddingValue = 0x00280120
    PixelPaddingRangeLimit = 0x00280121
    WindowCenter = 0x00281050
    WindowWidth = 0x00281051
    RescaleIntercept = 0x00281052
    RescaleSlope = 0x00281053
    VOILUTFunction = 0x00281056
    LossyImageCompression = 0x00282110
    ModalityLUTSequence = 0x00283000
    LUTDescriptor = 0x00283002
    LUTData = 0x00283006
    VOILUTSequence = 0x00283010
    ViewCodeSequence = 0x00540220
    FloatPixelData = 0x7FE00008
    DoubleFloatPixelData = 0x7FE00009
    PixelData = 0x7FE00010


class IdentityTag(_Element):
    """What tells which films belong together; read by :mod:`workbench.imaging.dicom.identity` only, and only hashed."""

    SOPInstanceUID = 0x00080018
    PatientID = 0x00100020
    IssuerOfPatientID = 0x00100021
    StudyInstanceUID = 0x0020000D


SEQUENCES = frozenset({Tag.ModalityLUTSequence, Tag.VOILUTSequence, Tag.ViewCodeSequence})
PIXELS = frozenset({Tag.PixelData, Tag.FloatPixelData, Tag.DoubleFloatPixelData})
