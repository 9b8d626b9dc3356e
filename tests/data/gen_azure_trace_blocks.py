#!/usr/bin/env python3
"""Writes azure_trace_blocks.csv beside itself: sums of each ten seconds of Azure's LLM inference trace 2023.

  gen_azure_trace_blocks.py AzureLLMInferenceTrace_conv.csv"""
import csv
import datetime
import pathlib
import sys

HEAD = """# Sums of each ten seconds of Azure's LLM inference trace 2023 (conversation), Azure Public Dataset, CC-BY 4.0
requests,input_tokens,output_tokens
"""


def main(source):
    blocks = {}
    with open(source, newline="") as file:
        for row in csv.DictReader(file):
            at = datetime.datetime.fromisoformat(row["TIMESTAMP"][:26])
            sums = blocks.setdefault(int(at.timestamp()) // 10, [0, 0, 0])
            sums[0] += 1
            sums[1] += int(row["ContextTokens"])
            sums[2] += int(row["GeneratedTokens"])
    lines = [",".join(map(str, sums)) for _, sums in sorted(blocks.items())]
    pathlib.Path(__file__).with_name("azure_trace_blocks.csv").write_text(HEAD + "\n".join(lines) + "\n")


main(sys.argv[1])
