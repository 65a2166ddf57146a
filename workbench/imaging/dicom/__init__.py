"""DICOM radiographs: a header read within bounds and by an allow-list, every usual stream, and grey as viewers show it.

pydicom's own reader keeps every element, inflates without a limit and descends without one; what comes from a hospital
or from the network is therefore walked here, and pydicom and its plugins only see a stream whose size is known.
"""
