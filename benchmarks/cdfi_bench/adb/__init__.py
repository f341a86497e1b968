"""Android devices over adb: selection, transfer, detached jobs, facts and conditions."""
